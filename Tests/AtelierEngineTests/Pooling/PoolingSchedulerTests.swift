import AtelierCore
import AtelierEngine
import AtelierTesting
import Testing

struct PoolingSchedulerTests {
  /// Steps a `PoolingScheduler` on a `ScriptedPoolingRunner` and checks what must hold after every step.
  private struct Driver {
    let runner: ScriptedPoolingRunner
    var scheduler: PoolingScheduler
    var requests: [UInt64: [[Int32]]] = [:]
    var vectors: [UInt64: [Int: [Float]]] = [:]
    var ends: [UInt64: SequenceEnd] = [:]
    /// In the order in which they ended.
    var order: [UInt64] = []
    var steps = 0

    init(
      _ runner: ScriptedPoolingRunner = ScriptedPoolingRunner(), parallel: Int = 4, maxWaiting: Int = 64,
      maxQueuedTokens: Int? = nil
    ) {
      self.runner = runner
      var limits = PoolingLimits(
        configuration: EngineConfiguration(parallel: parallel, maxWaiting: maxWaiting), runner: runner)
      if let maxQueuedTokens { limits.maxQueuedTokens = maxQueuedTokens }
      scheduler = PoolingScheduler(limits: limits)
    }

    mutating func submit(_ id: UInt64, _ inputs: [[Int32]]) throws(AtelierError) {
      try scheduler.submit(PoolingRequest(id: id, inputs: inputs))
      requests[id] = inputs
    }

    /// Inputs of these lengths; their tokens say whose they are.
    mutating func submit(_ id: UInt64, lengths: [Int]) throws(AtelierError) {
      try submit(id, lengths.map { Array(repeating: Int32(id), count: $0) })
    }

    mutating func cancel(_ id: UInt64) {
      scheduler.cancel(id)
      collect()
    }

    mutating func step() {
      let lanes = scheduler.schedule()
      do {
        scheduler.update(with: try runner.pool(lanes))
      } catch {
        scheduler.failStep(message: error.message)
      }
      steps += 1
      #expect(runner.violations == [])
      collect()
    }

    mutating func finish(limit: Int = 5_000) {
      for _ in 0..<limit where scheduler.hasWork { step() }
      #expect(!scheduler.hasWork)
      for (id, inputs) in requests where ends[id] == .endOfText {
        #expect(vectors[id]?.count == inputs.count)
        for (place, input) in inputs.enumerated() {
          #expect(vectors[id]?[place] == ScriptedPoolingRunner.vector(of: input))
        }
      }
    }

    /// Whose inputs the last step computed, with the number of their tokens.
    var lastStep: [UInt64: Int] {
      (runner.calls.last ?? []).joined().reduce(into: [:]) { $0[UInt64($1[0]), default: 0] += $1.count }
    }

    private mutating func collect() {
      for entry in scheduler.takeOutput().entries {
        #expect(ends[entry.id] == nil, "an event after the last one")
        switch entry.event {
        case .pooled(let input, let vector):
          #expect(vectors[entry.id]?[input] == nil, "a second vector")
          vectors[entry.id, default: [:]][input] = vector
        case .finished(let end):
          ends[entry.id] = end
          order.append(entry.id)
        case .prompt, .scored, .token: Issue.record("an event of a text")
        }
      }
    }
  }

  @Test func requestsShareAStep() throws {
    var driver = Driver()
    try driver.submit(1, lengths: [20, 10])
    try driver.submit(2, lengths: [9])
    try driver.submit(3, lengths: [5, 5, 5])
    driver.step()
    #expect(driver.lastStep == [1: 30, 2: 9, 3: 15])
    #expect(driver.ends == [1: .endOfText, 2: .endOfText, 3: .endOfText])
    driver.finish()
  }

  @Test func vectorsKeepTheirPlacesOverManySteps() throws {
    var driver = Driver(ScriptedPoolingRunner(laneCount: 3))
    try driver.submit(1, (0..<500).map { number in (0...number % 12).map { Int32(number + $0) } })
    driver.finish()
    #expect(driver.ends[1] == .endOfText)
    // 64 rows a lane: nearly all of them are used.
    let rows = driver.runner.calls.dropLast().map { $0.joined().reduce(0) { $0 + $1.count } }
    #expect(Double(rows.reduce(0, +)) / Double(rows.count) > 0.85 * 3 * 64)
  }

  @Test func lanesEndTogether() throws {
    var driver = Driver(ScriptedPoolingRunner(laneCount: 2, rowsPerLane: 100))
    try driver.submit(1, lengths: [40, 40, 60, 20])
    driver.step()
    #expect(driver.runner.calls[0].map { $0.reduce(0) { $0 + $1.count } }.sorted() == [80, 80])
  }

  @Test func manyShortInputsKeepWithinALanesNumber() throws {
    var driver = Driver(ScriptedPoolingRunner(laneCount: 2, rowsPerLane: 200, maxRowsPerLane: 200, inputsPerLane: 16))
    // Spread by tokens alone, one lane would get far more inputs than it takes.
    try driver.submit(1, lengths: Array(repeating: 2, count: 12) + [60] + Array(repeating: 2, count: 40))
    driver.finish()
    #expect(driver.ends[1] == .endOfText)
  }

  @Test func anInputEntersAStepWhole() throws {
    var driver = Driver(ScriptedPoolingRunner(laneCount: 2))
    // Longer than a lane is filled with others, and longer than a lane takes.
    try driver.submit(1, lengths: [100, 100, 300])
    try driver.submit(2, lengths: [300])
    driver.finish()
    #expect(driver.runner.calls.count(where: { $0.joined().contains { $0.count == 300 } }) == 2)
    #expect(driver.runner.calls.contains { $0.map { $0.map(\.count) } == [[100], [100]] }, "long ones go side by side")
  }

  @Test func aNewcomersShortRequestIsServedNext() throws {
    var driver = Driver()
    try driver.submit(1, lengths: Array(repeating: 30, count: 200))
    for _ in 0..<3 { driver.step() }
    try driver.submit(2, lengths: [20])
    driver.step()
    #expect(driver.ends[2] == .endOfText)
    #expect(driver.lastStep == [2: 20, 1: 30], "and the room it leaves is used")
    driver.finish()
  }

  @Test func aLongRequestIsNotStarvedByShortOnes() throws {
    var driver = Driver()
    try driver.submit(1, lengths: Array(repeating: 32, count: 40))
    var id: UInt64 = 1
    while driver.ends[1] == nil, driver.steps < 300 {
      // More than a step's worth of new short requests before every step.
      for _ in 0..<3 {
        id += 1
        do { try driver.submit(id, lengths: [32, 31]) } catch { continue }
      }
      driver.step()
    }
    #expect(driver.ends[1] == .endOfText)
    // 20 steps of its own, 40 until it has waited for twice its length, and those that had come by then: a full queue.
    #expect(driver.steps <= 20 + 40 + 68 + 5)
    driver.finish()
  }

  @Test func equalRequestsEndInTheirOrder() throws {
    var driver = Driver()
    for id: UInt64 in 1...5 { try driver.submit(id, lengths: Array(repeating: 30, count: 10)) }
    driver.finish()
    #expect(driver.order == [1, 2, 3, 4, 5])
  }

  @Test func fewLargeRequestsAreUnderWayAtOnce() throws {
    // Each shorter than what is left of the one before, so that each would overtake it.
    var driver = Driver(parallel: 2)
    var most = 0
    for id: UInt64 in 1...6 {
      try driver.submit(id, lengths: Array(repeating: 10, count: 120 - Int(id) * 12))
      driver.step()
      most = max(most, driver.scheduler.runningCount)
    }
    #expect(most == 2)
    try driver.submit(7, lengths: [5])
    driver.step()
    #expect(driver.ends[7] == .endOfText, "a small one does not wait for that")
    driver.finish()
    #expect(driver.ends.values.allSatisfy { $0 == .endOfText })
  }

  @Test func cancelling() throws {
    var driver = Driver()
    try driver.submit(1, lengths: Array(repeating: 30, count: 20))
    try driver.submit(2, lengths: Array(repeating: 30, count: 20))
    driver.step()
    #expect(driver.scheduler.runningCount == 1 && driver.scheduler.waitingCount == 1)
    driver.cancel(1)
    driver.cancel(77)
    #expect(driver.ends == [1: .cancelled])
    driver.step()
    #expect(driver.lastStep[1] == nil, "nothing more is computed of it")
    driver.finish()
    #expect(driver.ends[2] == .endOfText)
  }

  @Test func aFailedStepEndsItsRequests() throws {
    let runner = ScriptedPoolingRunner()
    runner.beforeCall = { lanes throws(RunnerError) in
      if lanes.joined().contains(where: { $0[0] == 2 }) { throw .failed("broken") }
    }
    var driver = Driver(runner)
    try driver.submit(1, lengths: Array(repeating: 30, count: 2))
    driver.step()
    try driver.submit(2, lengths: Array(repeating: 40, count: 2))
    try driver.submit(3, lengths: Array(repeating: 60, count: 4))
    driver.finish()
    #expect(driver.ends == [1: .endOfText, 2: .failed("broken"), 3: .endOfText])
  }

  @Test func refusals() throws {
    var driver = Driver(parallel: 1, maxWaiting: 1, maxQueuedTokens: 1000)
    func refusal(_ id: UInt64, lengths: [Int]) -> AtelierError? {
      do throws(AtelierError) {
        try driver.submit(id, lengths: lengths)
        return nil
      } catch {
        return error
      }
    }
    let long = refusal(1, lengths: [3, 513])
    #expect(long?.code == .contextLengthExceeded && long?.param == "input.1")
    #expect(long?.details == ["prompt_tokens": 513, "context_length": 512])
    #expect(refusal(1, lengths: [3, 4, 0])?.param == "input.2")
    #expect(refusal(1, lengths: [])?.code == .invalidValue)
    #expect(refusal(1, lengths: Array(repeating: 500, count: 3)) == nil, "any size when nothing else is live")
    let heavy = refusal(2, lengths: [500])
    #expect(heavy?.code == .serverBusy && (1...60).contains(heavy?.retryAfter ?? 0))
    driver.finish()
    #expect(refusal(3, lengths: [1]) == nil)
    #expect(refusal(3, lengths: [1])?.code == .internalError)
    #expect(refusal(4, lengths: [1]) == nil)
    #expect(refusal(5, lengths: [1])?.code == .serverBusy)
    driver.finish()
    #expect(driver.ends == [1: .endOfText, 3: .endOfText, 4: .endOfText])
  }

  @Test(arguments: 0..<20)
  func everyoneIsServedWhateverHappens(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let rows = Int.random(in: 8...64, using: &random)
    let runner = ScriptedPoolingRunner(
      laneCount: Int.random(in: 1...4, using: &random), rowsPerLane: rows,
      maxRowsPerLane: rows + Int.random(in: 0...64, using: &random),
      inputsPerLane: Int.random(in: 1...20, using: &random), maxInputTokens: 200)
    runner.beforeCall = { lanes throws(RunnerError) in
      if lanes.joined().contains(where: { $0.count == 199 }) { throw .failed("199") }
    }
    var driver = Driver(runner, parallel: Int.random(in: 1...4, using: &random), maxWaiting: 8)
    var submitted: Set<UInt64> = []
    for id in UInt64(1)...200 {
      let count = Int.random(in: 0..<8, using: &random) == 0 ? 60 : Int.random(in: 1...6, using: &random)
      let inputs = (0..<count).map { _ in
        TokenText.random(
          Int.random(in: 0..<20, using: &random) == 0
            ? Int.random(in: 1...200, using: &random) : Int.random(in: 1...20, using: &random), seed: id)
      }
      do {
        try driver.submit(id, inputs)
        submitted.insert(id)
      } catch {
        #expect(error.code == .serverBusy)
      }
      if Int.random(in: 0..<6, using: &random) == 0 { driver.cancel(UInt64.random(in: 1...id, using: &random)) }
      for _ in 0..<Int.random(in: 0...4, using: &random) where driver.scheduler.hasWork { driver.step() }
    }
    driver.finish()
    #expect(Set(driver.ends.keys) == submitted)
    for end in driver.ends.values { #expect([.endOfText, .cancelled, .failed("199")].contains(end)) }
  }
}
