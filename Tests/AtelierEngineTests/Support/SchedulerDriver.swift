import AtelierCore
import AtelierEngine
import AtelierTesting
import Testing

/// Steps a `Scheduler` on a `ScriptedRunner` without threads or time, and checks what must hold after every step.
struct SchedulerDriver {
  struct Record: Equatable {
    var tokens: [Int32] = []
    var end: SequenceEnd?
    var cached: Int?
    var processed: [Int] = []
    /// The tokens whose probabilities were told.
    var scored: [Int32] = []
    var finishedAtStep: Int?
    var firstTokenAtStep: Int?
  }

  let runner: ScriptedRunner
  var scheduler: Scheduler
  var records: [UInt64: Record] = [:]
  var steps = 0
  /// Part of every step: how long it claims to have taken.
  var milliseconds: (StepPlan) -> Double = { Double($0.batch.count) }
  private(set) var lastPlan: StepPlan
  private var samplers: [UInt64: Sampler] = [:]
  private let scratch: SamplerScratch

  init(_ runner: ScriptedRunner, _ configuration: EngineConfiguration = EngineConfiguration()) {
    self.runner = runner
    scheduler = Scheduler(limits: SchedulerLimits(configuration: configuration, runner: runner))
    scratch = SamplerScratch(vocabularySize: runner.vocabularySize)
    lastPlan = StepPlan(capacity: runner.maxBatchRows)
  }

  static func request(
    _ id: UInt64, _ prompt: [Int32], maxTokens: Int? = 8, temperature: Double = 0, cacheable: Bool = true,
    client: UInt64 = 0
  ) -> SequenceRequest {
    SequenceRequest(
      id: id, prompt: prompt,
      sampling: SamplingParameters(
        temperature: temperature, topP: 0.95, topK: 8, minP: 0, repeatPenalty: 1.1, presencePenalty: 0,
        frequencyPenalty: 0, seed: UInt32(truncatingIfNeeded: id)), maxTokens: maxTokens, cacheable: cacheable,
      client: client)
  }

  mutating func submit(_ request: SequenceRequest, now: Double = 0) throws(AtelierError) {
    try scheduler.submit(request, now: now)
    samplers[request.id] = Sampler(request.sampling, prompt: request.prompt)
    records[request.id] = Record()
  }

  mutating func cancel(_ id: UInt64) {
    scheduler.cancel(id)
    collect()
  }

  mutating func endWaiting(submittedBefore time: Double) {
    scheduler.endWaiting(submittedBefore: time)
    collect()
  }

  mutating func step() {
    var plan = StepPlan(capacity: runner.maxBatchRows)
    while true {
      scheduler.schedule(into: &plan)
      let lost = carryOut(plan.actions)
      checkMemory(lost)
      if !lost.isEmpty { continue }
      guard !plan.isEmpty else {
        #expect(scheduler.liveCount == 0, "stalled with live sequences")
        collect()
        return
      }
      do {
        try runner.decode(plan.batch)
        break
      } catch .outOfCells {
        scheduler.makeRoomAfterRefusal()
      } catch {
        scheduler.fail(plan, message: "\(error)")
        collect()
        return
      }
    }
    steps += 1
    lastPlan = plan
    var outcomes: [StepOutcome] = []
    var scores: [[TokenProbability]] = []
    for part in plan.parts where !part.scoredRows.isEmpty {
      for row in part.scoredRows { _ = runner.logits(row: row) }
      scores.append(
        scheduler.scoredTokens(of: part, in: plan).map { TokenProbability(logprob: 0, top: [(token: $0, logprob: 0)]) })
    }
    for part in plan.parts {
      guard let row = part.sampledRow else { continue }
      do {
        let choice = try samplers[part.id]?.sample(runner.logits(row: row), scratch: scratch)
        let token = try #require(choice).token
        outcomes.append(runner.isEndOfGeneration(token) ? .end : .token(token, nil))
      } catch {
        outcomes.append(.failed("\(error)"))
      }
    }
    #expect(plan.batch.wantsLogits.reduce(0) { $0 + Int($1) } == outcomes.count + scores.reduce(0) { $0 + $1.count })
    scheduler.update(after: plan, outcomes: outcomes, scores: scores, milliseconds: milliseconds(plan))
    collect()
  }

  /// Steps until nothing is live, which must not take more than `limit` steps.
  mutating func finish(_ comment: Comment? = nil, limit: Int = 5_000, at location: SourceLocation = #_sourceLocation) {
    for _ in 0..<limit where scheduler.hasWork { step() }
    #expect(!scheduler.hasWork, comment, sourceLocation: location)
  }

  /// As the engine does. Returns the sequences whose content is gone.
  private mutating func carryOut(_ actions: [CacheAction]) -> Set<Int> {
    var lost: Set<Int> = []
    var saved: [(UInt64, Int?)] = []
    var parked: [(UInt64, Int?)] = []
    var unusable: [UInt64] = []
    for action in actions {
      switch action {
      case .forget(let sequence):
        runner.trimSequence(sequence, from: 0)
        lost.remove(sequence)
      case .trim(let sequence, let position):
        if !lost.contains(sequence) { runner.trimSequence(sequence, from: position) }
      case .copy(let source, let target, let count):
        if lost.contains(source) {
          lost.insert(target)
        } else {
          runner.copySequence(source, to: target, count: count)
        }
      case .save(let checkpoint, let sequence):
        saved.append((checkpoint, lost.contains(sequence) ? nil : runner.saveCheckpoint(checkpoint, of: sequence)))
      case .restore(let checkpoint, let sequence):
        guard !lost.contains(sequence), !runner.restoreCheckpoint(checkpoint, to: sequence) else { continue }
        runner.trimSequence(sequence, from: 0)
        lost.insert(sequence)
      case .discard(let checkpoint): runner.discardCheckpoint(checkpoint)
      case .park(let segment, let sequence, let position):
        if lost.contains(sequence) {
          unusable.append(segment)
        } else {
          parked.append((segment, runner.parkSegment(segment, of: sequence, from: position)))
        }
      case .unpark(let segment, let sequence, let positions):
        guard !lost.contains(sequence), !runner.unparkSegment(segment, to: sequence, positions: positions) else {
          continue
        }
        runner.trimSequence(sequence, from: 0)
        lost.insert(sequence)
        unusable.append(segment)
      case .release(let segment): runner.releaseSegment(segment)
      }
    }
    for (checkpoint, bytes) in saved { scheduler.noteCheckpoint(checkpoint, bytes: bytes) }
    for (segment, bytes) in parked { scheduler.noteParked(segment, bytes: bytes) }
    for segment in unusable { scheduler.loseParked(segment) }
    for sequence in lost { scheduler.lose(sequence: sequence) }
    return lost
  }

  private func checkMemory(_ lost: Set<Int>) {
    #expect(runner.violations.isEmpty)
    #expect(runner.usedCells == scheduler.cache.tree.cells)
    for sequence in 0..<runner.maxSequences {
      let expected = scheduler.cache.tree.contains(sequence) ? scheduler.cache.tree.length(of: sequence) : 0
      #expect(runner.length(of: sequence) == expected)
    }
    // What is discarded from now on is carried out with the next plan.
    let discards = scheduler.cache.actions.count { if case .discard = $0 { true } else { false } }
    #expect(runner.checkpointCount <= scheduler.cache.checkpointCount + discards)
    let releases = scheduler.cache.actions.count { if case .release = $0 { true } else { false } }
    #expect(runner.parkedSegments.count <= scheduler.cache.parkedCount + releases)
    if let parking = runner.parking { #expect(scheduler.cache.parkedBytes <= parking.bytes) }
    if case .checkpoints(let limits) = runner.prefixReuse {
      #expect(scheduler.cache.checkpointCount <= limits.count)
      #expect(scheduler.cache.usedCheckpointBytes <= limits.bytes)
      #expect(
        scheduler.cache.usedCheckpointBytes == scheduler.cache.checkpointCount * (runner.checkpointBytes ?? 0))
    }
  }

  private mutating func collect() {
    for entry in scheduler.takeOutput().entries {
      #expect(records[entry.id]?.end == nil, "an event after the last one")
      switch entry.event {
      case .prompt(let processed, let cached, let total):
        if records[entry.id]?.processed.isEmpty == true { #expect(processed == cached) }
        #expect(processed <= total)
        records[entry.id]?.cached = cached
        records[entry.id]?.processed.append(processed)
      case .token(let token, _, _):
        records[entry.id]?.tokens.append(token)
        if records[entry.id]?.firstTokenAtStep == nil { records[entry.id]?.firstTokenAtStep = steps }
      case .scored(let scores): records[entry.id]?.scored += scores.flatMap { $0.top.map(\.token) }
      case .pooled: Issue.record("a vector of a text")
      case .finished(let end):
        records[entry.id]?.end = end
        records[entry.id]?.finishedAtStep = steps
        samplers[entry.id] = nil
      }
    }
  }
}
