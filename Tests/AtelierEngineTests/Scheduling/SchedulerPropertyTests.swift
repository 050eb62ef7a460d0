import AtelierCore
import AtelierEngine
import AtelierTesting
import Testing

/// Any history of submits, cancels and shortages: the memory is accounted for exactly (checked by the driver after every
/// step), everybody ends, and tokens depend on nothing but the request.
struct SchedulerPropertyTests {
  private static func alone(_ request: SequenceRequest, vocabulary: Int) throws -> [Int32] {
    var driver = SchedulerDriver(
      ScriptedRunner(cellCount: 512, maxBatchRows: 512, maxSequences: 1, vocabularySize: vocabulary),
      EngineConfiguration(parallel: 1, promptTokensPerStep: 512))
    try driver.submit(request)
    driver.finish()
    return driver.records[request.id]?.tokens ?? []
  }

  private static func reuse(_ seed: UInt64, _ random: inout SeededGenerator) -> PrefixReuse {
    guard seed % 2 == 1 else { return .anyPrefix }
    return .checkpoints(
      CheckpointLimits(
        count: Int.random(in: 0...6, using: &random), bytes: Int.random(in: 50...800, using: &random),
        spacing: Int.random(in: 1...20, using: &random), worth: Int.random(in: 1...8, using: &random),
        tail: Int.random(in: 1...6, using: &random)))
  }

  @Test(arguments: 0..<40)
  func everyoneIsServedRightly(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let runner = ScriptedRunner(
      cellCount: Int.random(in: 40...160, using: &random), maxBatchRows: Int.random(in: 4...64, using: &random),
      maxSequences: Int.random(in: 1...10, using: &random),
      prefixReuse: Self.reuse(seed, &random))
    runner.checkpointBytes = seed % 16 == 3 ? nil : 100
    if seed % 4 != 0 {
      runner.parking = ParkingLimits(
        bytes: Int.random(in: 20...400, using: &random), cellBytes: Int.random(in: 0...1, using: &random),
        idleCells: Int.random(in: 0...40, using: &random),
        worth: Int.random(in: 1...8, using: &random))
    }
    var driver = SchedulerDriver(
      runner,
      EngineConfiguration(
        parallel: Int.random(in: 1...8, using: &random), maxWaiting: 6,
        promptTokensPerStep: Int.random(in: 1...40, using: &random),
        targetStepMilliseconds: Double.random(in: 1...50, using: &random)))
    let texts = (0..<3).map { TokenText.random(39, seed: seed * 10 + $0) }
    let pictures = [3, 4, 7].map { rows in
      PicturePrompt.embedding(Int32(-rows), rows: rows, isWhole: seed % 2 == 0 && rows <= runner.maxBatchRows)
    }
    var requests: [UInt64: SequenceRequest] = [:]
    var cancelled: Set<UInt64> = []
    var nextID: UInt64 = 1
    var refused = false
    var submittedAt: [UInt64: Int] = [:]
    for round in 0..<300 {
      if round % 50 == 49 {
        runner.failsNextPark = seed % 3 == 0
        runner.failsNextUnpark = seed % 5 < 2
      }
      if Int.random(in: 0..<3, using: &random) == 0 {
        let text = texts.randomElement(using: &random) ?? []
        let shown = Int.random(in: 0...2, using: &random)
        var prompt = PicturePrompt().text(text.prefix(Int.random(in: 0...30 - 7 * shown, using: &random)))
        for _ in 0..<shown {
          if let picture = pictures.randomElement(using: &random) { prompt = prompt.picture(picture) }
        }
        prompt = prompt.text(TokenText.random(Int.random(in: 1...8, using: &random), seed: nextID % 3))
        var request = prompt.request(
          nextID, maxTokens: Int.random(in: 0...60, using: &random),
          temperature: Bool.random(using: &random) ? 0.8 : 0, cacheable: Int.random(in: 0..<5, using: &random) > 0)
        request.client = UInt64.random(in: 0..<3, using: &random)
        request.scoresPrompt = shown == 0 && Int.random(in: 0..<3, using: &random) == 0
        do {
          try driver.submit(request)
          requests[nextID] = request
          submittedAt[nextID] = driver.steps
        } catch {
          #expect(error.code == .serverBusy)
        }
        nextID += 1
      }
      if Int.random(in: 0..<12, using: &random) == 0,
        let id = requests.keys.filter({ driver.records[$0]?.end == nil }).sorted().randomElement(using: &random)
      {
        driver.cancel(id)
        cancelled.insert(id)
      }
      if Int.random(in: 0..<20, using: &random) == 0 { runner.failsNextRestore = true }
      switch Int.random(in: 0..<60, using: &random) {
      case 0: runner.nextError = .failed("broken")
      case 1:
        // Takes what is there from someone, though it would have fitted.
        runner.nextError = .outOfCells
        refused = true
      default: break
      }
      if driver.scheduler.hasWork { driver.step() }
    }
    runner.nextError = nil
    driver.finish("somebody starves")
    driver.step()

    for (id, request) in requests {
      let record = try #require(driver.records[id])
      let expected = try Self.alone(request, vocabulary: runner.vocabularySize)
      let scored = request.scoresPrompt ? Array(request.prompt.dropFirst()) : []
      #expect(record.scored == Array(scored.prefix(record.scored.count)))
      if record.end == .maxTokens || record.end == .endOfText { #expect(record.scored == scored) }
      if case .failed = record.end {
        #expect(record.tokens == Array(expected.prefix(record.tokens.count)))
      } else if cancelled.contains(id) {
        #expect(record.tokens == Array(expected.prefix(record.tokens.count)))
        #expect(record.end != nil)
      } else {
        let shown = record.end == .contextFull ? Array(expected.prefix(record.tokens.count)) : expected
        #expect(record.tokens == shown)
        #expect(record.end == .maxTokens || record.end == .endOfText || record.end == .contextFull)
        if record.end == .contextFull, !refused {
          #expect(request.prompt.count + record.tokens.count == runner.cellCount)
        }
      }
    }
    #expect(driver.scheduler.liveCount == 0)
    #expect(driver.scheduler.clientCount == 0)
    #expect(driver.scheduler.cache.pinnedCells == 0, "a reference was not given back")
    #expect(driver.scheduler.cache.usedNumbers == driver.scheduler.cache.entryCount)
    while driver.scheduler.cache.entryCount > 0 { _ = driver.scheduler.makeRoomAfterRefusal() }
    driver.step()
    #expect(driver.scheduler.cache.tree.cells == 0)
    #expect(runner.usedCells == 0)
    #expect(driver.scheduler.cache.checkpointCount == 0)
    #expect(driver.scheduler.cache.usedCheckpointBytes == 0)
    #expect(runner.checkpointCount == 0)
  }

  /// However much comes after it, a request ends when its own work and that of those before it is done.
  @Test(arguments: 0..<4)
  func nobodyStarvesWhileOthersKeepComing(seed: UInt64) throws {
    var random = SeededGenerator(seed: 1000 + seed)
    let live = 12
    let runner = ScriptedRunner(
      cellCount: 150, maxBatchRows: 16, maxSequences: 8,
      prefixReuse: seed % 2 == 0 ? .anyPrefix : .checkpoints(CheckpointLimits(bytes: 1000, spacing: 16, worth: 4)))
    var driver = SchedulerDriver(
      runner, EngineConfiguration(parallel: 4, maxWaiting: live - 4, promptTokensPerStep: 8))
    var started: [UInt64: Int] = [:]
    var nextID: UInt64 = 1
    // Rows of its own and of all who may stand before it, each computed up to three times as sequences give way.
    let patience = 2 * 80 + 3 * live * (80 + 30)
    while driver.steps < 4000 {
      // Short ones keep coming; now and then there is a long one.
      while driver.scheduler.liveCount < live {
        let length = Int.random(in: 0..<8, using: &random) == 0 ? 80 : Int.random(in: 1...6, using: &random)
        try driver.submit(
          SchedulerDriver.request(
            nextID, TokenText.random(length, seed: nextID), maxTokens: Int.random(in: 1...30, using: &random),
            client: seed % 4 < 2 ? 0 : UInt64.random(in: 0..<3, using: &random)))
        started[nextID] = driver.steps
        nextID += 1
      }
      driver.step()
    }
    #expect(nextID > 300)
    for (id, start) in started {
      let end = driver.records[id]?.finishedAtStep ?? driver.steps
      #expect(end - start < patience, "request \(id) waited \(end - start) steps")
    }
  }

  @Test(arguments: [1, 3, 7, 64], [1, 5, 64])
  func chunksDoNotMatter(chunk: Int, rows: Int) throws {
    let request = SchedulerDriver.request(5, TokenText.random(50, seed: 5), maxTokens: 20, temperature: 1)
    let expected = try Self.alone(request, vocabulary: 32)
    var driver = SchedulerDriver(
      ScriptedRunner(maxBatchRows: rows), EngineConfiguration(parallel: 1, promptTokensPerStep: chunk))
    try driver.submit(request)
    driver.finish()
    #expect(driver.records[5]?.tokens == expected)
    // Again, now from the cache.
    try driver.submit(request)
    driver.finish()
    #expect(driver.records[5]?.tokens == expected)
    #expect(driver.records[5]?.cached == 49)
  }
}
