import AtelierCore
import Foundation
import Synchronization

/// Continuous batching over one `ModelRunner`: makes the runner on its own thread and computes there, step by step, what
/// the `Scheduler` says; or over one `PoolingRunner`, with the `PoolingScheduler`. Requests and cancellations come in
/// between steps. Must be `shutdown()`.
package actor BatchingEngine {
  /// What turns a sequence's logits into tokens; kept when the sequence gives way.
  private struct Generator {
    var sampler: Sampler
    var constraint: (any TokenConstraint)?

    /// Takes tokens into the constraint's state that were generated elsewhere. Throws when it does not allow them.
    func skip(_ tokens: [Int32]) throws(RunnerError) {
      guard let constraint else { return }
      for token in tokens {
        guard constraint.allows(token) else { throw .invalidGrammar("the grammar does not fit the answer so far") }
        constraint.accept(token)
      }
    }
  }

  private let executor = ThreadExecutor(name: "engine")
  private let source: Source
  private let configuration: EngineConfiguration
  private let sink: @Sendable (StepOutput) -> Void
  private let currentState = Mutex(EngineState())
  private let made = ContinuousClock.now

  private var parts: Parts?
  /// Instead of `parts` where whole inputs become vectors.
  private var pooling: PoolingParts?
  private var generators: [UInt64: Generator] = [:]
  private var outcomes: [StepOutcome] = []
  private var loop: Task<Void, Never>?
  private var wakeUp: CheckedContinuation<Void, Never>?
  private var isShutDown = false

  private enum Source {
    case generating(@Sendable () throws -> any ModelRunner)
    case pooling(@Sendable () throws -> any PoolingRunner)
  }

  private struct PoolingParts {
    let runner: any PoolingRunner
    var scheduler: PoolingScheduler
  }

  private struct Parts {
    let runner: any ModelRunner
    let scratch: SamplerScratch
    var scheduler: Scheduler
    var plan: StepPlan
    var governor: ThreadGovernor
    var promptLogits: PromptLogits
  }

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// `sink` is called on the engine's thread, once per step that has events, and must not block.
  package init(
    makeRunner: @escaping @Sendable () throws -> any ModelRunner, configuration: EngineConfiguration,
    sink: @escaping @Sendable (StepOutput) -> Void
  ) {
    source = .generating(makeRunner)
    self.configuration = configuration
    self.sink = sink
  }

  /// An engine that takes `PoolingRequest`s only.
  package init(
    makePoolingRunner: @escaping @Sendable () throws -> any PoolingRunner, configuration: EngineConfiguration,
    sink: @escaping @Sendable (StepOutput) -> Void
  ) {
    source = .pooling(makePoolingRunner)
    self.configuration = configuration
    self.sink = sink
  }

  deinit { executor.stop() }

  /// As of the last step; from any thread.
  package nonisolated var state: EngineState { currentState.withLock { $0 } }

  /// Makes the runner. Throws what making it throws; then the engine is of no use.
  package func start() async throws {
    guard parts == nil, pooling == nil, !isShutDown else { return }
    switch source {
    case .generating(let makeRunner):
      let runner = try makeRunner()
      parts = Parts(
        runner: runner, scratch: SamplerScratch(vocabularySize: runner.vocabularySize),
        scheduler: Scheduler(limits: SchedulerLimits(configuration: configuration, runner: runner)),
        plan: StepPlan(capacity: runner.maxBatchRows), governor: ThreadGovernor(maximum: runner.threadCount),
        promptLogits: PromptLogits(vocabularySize: runner.vocabularySize))
    case .pooling(let makeRunner):
      let runner = try makeRunner()
      pooling = PoolingParts(
        runner: runner,
        scheduler: PoolingScheduler(limits: PoolingLimits(configuration: configuration, runner: runner)))
    }
    publishState(stepped: false)
    loop = Task { await run() }
  }

  /// Takes a request. Throws `serverBusy` with `retryAfter` when too many wait, `contextLengthExceeded`,
  /// `invalidJSONSchema` when the grammar does not compile, `shuttingDown` when not running.
  package func submit(_ request: SequenceRequest) throws(AtelierError) {
    guard parts != nil, !isShutDown else {
      throw AtelierError(.shuttingDown, "The model is not running.")
    }
    try parts?.scheduler.submit(request, now: seconds)
    do {
      let constraint = try request.grammar.map { grammar throws(RunnerError) in
        try parts?.runner.makeConstraint(grammar)
      }
      let generator = Generator(
        sampler: Sampler(
          request.sampling, prompt: request.prompt + request.generated, draws: request.draws,
          topLogprobs: request.topLogprobs),
        constraint: constraint ?? nil)
      try generator.skip(request.generated)
      generators[request.id] = generator
    } catch {
      parts?.scheduler.withdraw(request.id)
      throw AtelierError(
        .invalidJSONSchema, "The required output format cannot be turned into a grammar. Simplify the schema.")
    }
    answerAtOnce(request)
    publishState(stepped: false)
    wake()
  }

  /// Takes a request. Throws `serverBusy` with `retryAfter` when too many wait, `contextLengthExceeded` and `invalidValue`
  /// with the input as `param`, `shuttingDown` when not running.
  package func submit(_ request: PoolingRequest) throws(AtelierError) {
    guard pooling != nil, !isShutDown else {
      throw AtelierError(.shuttingDown, "The model is not running.")
    }
    try pooling?.scheduler.submit(request)
    publishState(stepped: false)
    wake()
  }

  /// Gives the first token without a step when the logits after the prompt are known.
  private func answerAtOnce(_ request: SequenceRequest) {
    guard request.generated.isEmpty, parts?.scheduler.canAnswerAtOnce(request.id) == true,
      var logits = parts?.promptLogits.logits(after: request.prompt), let parts
    else { return }
    let outcome = logits.withUnsafeMutableBufferPointer { sample(request.id, $0, parts) }
    self.parts?.scheduler.answerAtOnce(request.id, outcome)
    deliver()
  }

  /// Ends the request at once; its last event is `finished(.cancelled)`. Nothing happens if it is not live.
  package func cancel(_ id: UInt64) {
    guard parts?.scheduler.cancel(id) == true || pooling?.scheduler.cancel(id) == true else { return }
    // The next step may be far away: whoever watches the state must not take an idle engine for a busy one.
    publishState(stepped: false)
    deliver()
    wake()
  }

  /// Ends all requests as cancelled, frees the runner on its thread, and returns when that is done.
  package func shutdown() async {
    guard !isShutDown else {
      await loop?.value
      return
    }
    isShutDown = true
    parts?.scheduler.endAll(.cancelled)
    pooling?.scheduler.endAll(.cancelled)
    deliver()
    wake()
    await loop?.value
    loop = nil
    parts = nil
    pooling = nil
    publishState(stepped: false)
  }

  private func run() async {
    while !isShutDown {
      if parts?.scheduler.hasWork == true {
        step()
        await giveTurn()
      } else if pooling?.scheduler.hasWork == true {
        pool()
        await giveTurn()
      } else {
        parts?.runner.idle()
        await withCheckedContinuation { wakeUp = $0 }
      }
    }
  }

  /// Here submissions and cancellations get their turn.
  private func giveTurn() async {
    guard executor.hasJobs else { return }
    await withUnsafeContinuation { executor.resumeLater($0) }
  }

  /// Since this engine was made.
  private var seconds: Double {
    let passed = (ContinuousClock.now - made).components
    return Double(passed.seconds) + Double(passed.attoseconds) / 1e18
  }

  private func wake() {
    wakeUp?.resume()
    wakeUp = nil
  }

  private func step() {
    guard var parts = self.parts.take() else { return }
    let start = ContinuousClock.now
    parts.scheduler.endWaiting(submittedBefore: seconds - configuration.maxWaitingSeconds)
    let stepped = compute(&parts, start)
    self.parts = parts
    publishState(stepped: stepped)
    deliver()
  }

  private func pool() {
    guard let runner = pooling?.runner, let lanes = pooling?.scheduler.schedule() else { return }
    guard lanes.contains(where: { !$0.isEmpty }) else {
      pooling?.scheduler.endAll(.failed("no input fits a step"))
      return deliver()
    }
    // Such a step may take seconds, and a frozen engine is told from a waiting one by what it says to be running.
    publishState(stepped: false)
    do throws(RunnerError) {
      let vectors = try runner.pool(lanes)
      pooling?.scheduler.update(with: vectors)
    } catch {
      pooling?.scheduler.failStep(message: error.message)
    }
    publishState(stepped: true)
    deliver()
  }

  /// Plans until a step's rows have been computed or there are none. Each failed turn makes a sequence or entry give way.
  private func compute(_ parts: inout Parts, _ start: ContinuousClock.Instant) -> Bool {
    while true {
      parts.scheduler.schedule(into: &parts.plan)
      guard carryOutActions(&parts) else { continue }
      guard !parts.plan.isEmpty else {
        // Nothing can be computed though requests are live: the limits contradict each other.
        if parts.scheduler.liveCount > 0 { parts.scheduler.endAll(.failed("no request fits the model's memory")) }
        return false
      }
      do throws(RunnerError) {
        try decode(&parts)
      } catch {
        switch error {
        case .outOfCells:
          parts.scheduler.makeRoomAfterRefusal()
          continue
        case .failed(let message), .invalidGrammar(let message):
          parts.scheduler.fail(parts.plan, message: message)
          return true
        }
      }
      let scores = score(&parts)
      sample(&parts)
      let elapsed = (ContinuousClock.now - start).components
      parts.scheduler.update(
        after: parts.plan, outcomes: outcomes, scores: scores,
        milliseconds: Double(elapsed.seconds) * 1e3 + Double(elapsed.attoseconds) / 1e15)
      return true
    }
  }

  private func decode(_ parts: inout Parts) throws(RunnerError) {
    let rows = parts.plan.batch.count
    parts.runner.useThreads(parts.governor.threads(rows: rows))
    let (start, processorStart) = (ContinuousClock.now, ThreadClock.seconds)
    try parts.runner.decode(parts.plan.batch)
    let processorSeconds = ThreadClock.seconds - processorStart
    let elapsed = (ContinuousClock.now - start).components
    let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
    parts.governor.record(rows: rows, seconds: seconds, processorSeconds: processorSeconds)
  }

  /// False when the runner could not cut somewhere, so that the plan's rows no longer hold.
  private func carryOutActions(_ parts: inout Parts) -> Bool {
    var lost: [Int] = []
    var saved: [(checkpoint: UInt64, bytes: Int?)] = []
    var parked: [(segment: UInt64, bytes: Int?)] = []
    var unusable: [UInt64] = []
    for action in parts.plan.actions {
      switch action {
      case .forget(let sequence):
        parts.runner.trimSequence(sequence, from: 0)
        lost.removeAll { $0 == sequence }
      case .trim(let sequence, let position):
        guard !lost.contains(sequence), !parts.runner.trimSequence(sequence, from: position) else { continue }
        parts.runner.trimSequence(sequence, from: 0)
        lost.append(sequence)
      case .copy(let source, let target, let count):
        if lost.contains(source) || !parts.runner.copySequence(source, to: target, count: count) { lost.append(target) }
      case .save(let checkpoint, let sequence):
        let bytes = lost.contains(sequence) ? nil : parts.runner.saveCheckpoint(checkpoint, of: sequence)
        saved.append((checkpoint, bytes))
      case .restore(let checkpoint, let sequence):
        guard !lost.contains(sequence), !parts.runner.restoreCheckpoint(checkpoint, to: sequence) else { continue }
        parts.runner.trimSequence(sequence, from: 0)
        lost.append(sequence)
      case .discard(let checkpoint): parts.runner.discardCheckpoint(checkpoint)
      case .park(let segment, let sequence, let position):
        guard !lost.contains(sequence) else {
          unusable.append(segment)
          continue
        }
        parked.append((segment, parts.runner.parkSegment(segment, of: sequence, from: position)))
      case .unpark(let segment, let sequence, let positions):
        guard !lost.contains(sequence),
          !parts.runner.unparkSegment(segment, to: sequence, positions: positions)
        else { continue }
        parts.runner.trimSequence(sequence, from: 0)
        lost.append(sequence)
        unusable.append(segment)
      case .release(let segment): parts.runner.releaseSegment(segment)
      }
    }
    for (checkpoint, bytes) in saved { parts.scheduler.noteCheckpoint(checkpoint, bytes: bytes) }
    for (segment, bytes) in parked { parts.scheduler.noteParked(segment, bytes: bytes) }
    for segment in unusable { parts.scheduler.loseParked(segment) }
    for sequence in lost { parts.scheduler.lose(sequence: sequence) }
    return lost.isEmpty
  }

  /// By part with scored rows. Before sampling, which changes logits.
  private func score(_ parts: inout Parts) -> [[TokenProbability]] {
    var scores: [[TokenProbability]] = []
    for part in parts.plan.parts where !part.scoredRows.isEmpty {
      var probabilities: [TokenProbability] = []
      guard let sampler = generators[part.id]?.sampler else {
        scores.append(probabilities)
        continue
      }
      probabilities.reserveCapacity(part.scoredRows.count)
      for (row, token) in zip(part.scoredRows, parts.scheduler.scoredTokens(of: part, in: parts.plan)) {
        probabilities.append(sampler.score(token, in: parts.runner.logits(row: row), scratch: parts.scratch))
      }
      scores.append(probabilities)
    }
    return scores
  }

  private func sample(_ parts: inout Parts) {
    outcomes.removeAll(keepingCapacity: true)
    for part in parts.plan.parts {
      guard let row = part.sampledRow else { continue }
      let logits = parts.runner.logits(row: row)
      if let prompt = parts.scheduler.prompt(endedBy: part) { parts.promptLogits.store(logits, after: prompt) }
      outcomes.append(sample(part.id, logits, parts))
    }
  }

  private func sample(
    _ id: UInt64, _ logits: UnsafeMutableBufferPointer<Float>, _ parts: borrowing Parts
  ) -> StepOutcome {
    do throws(Sampler.Failure) {
      let constraint = generators[id]?.constraint
      guard let choice = try generators[id]?.sampler.sample(logits, constraint: constraint, scratch: parts.scratch)
      else { return .failed("the sequence has no sampler") }
      if parts.runner.isEndOfGeneration(choice.token) { return .end }
      return .token(choice.token, choice.probability, draws: generators[id]?.sampler.draws ?? 0)
    } catch {
      return .failed(error.message)
    }
  }

  /// Hands over what has come up, as one value.
  private func deliver() {
    if pooling?.scheduler.hasOutput == true, let output = pooling?.scheduler.takeOutput() { sink(output) }
    guard parts?.scheduler.hasOutput == true, let output = parts?.scheduler.takeOutput() else { return }
    for entry in output.entries {
      if case .finished = entry.event { generators[entry.id] = nil }
    }
    sink(output)
  }

  private func publishState(stepped: Bool) {
    let running = parts?.scheduler.runningCount ?? pooling?.scheduler.runningCount ?? 0
    let waiting = parts?.scheduler.waitingCount ?? pooling?.scheduler.waitingCount ?? 0
    let usedCells = parts?.scheduler.cache.tree.cells ?? 0
    let cellCount = parts?.scheduler.cache.cellCount ?? 0
    currentState.withLock {
      $0.running = running
      $0.waiting = waiting
      $0.usedCells = usedCells
      $0.cellCount = cellCount
      if stepped { $0.steps += 1 }
    }
  }
}
