import AtelierCore

/// Decides what each engine step computes. A pure value without a clock, a model or a thread; per step:
/// `schedule(into:)`, then the caller carries the plan out, then `update(after:outcomes:scores:milliseconds:)`. Between these two
/// nothing else is called. `takeOutput()` hands over the events that have come up.
///
/// Requests wait, run, and end. Generating sequences get one row per step each; what is left of the step goes to prompts,
/// shortest first with ageing. When cells run out the youngest running sequence gives way: its tokens are kept and it is
/// resumed before anything new starts. The oldest running sequence never gives way, so there is always progress.
package struct Scheduler: Sendable {
  let limits: SchedulerLimits
  package internal(set) var cache: PrefixCache
  package internal(set) var budget: PromptBudget

  /// In the order of their (re)start.
  var running: [SequenceState] = []
  /// Gave way; oldest first.
  var parked: [SequenceState] = []
  /// By rank.
  var waiting: [SequenceState] = []
  var output = StepOutput()
  /// Rows computed so far.
  var work = 0
  /// Running sequences in the order in which their prompts are served; kept to reuse its memory.
  var promptOrder: [(rank: Int, index: Int)] = []
  /// Of two steps for which an old and long prompt stands before shorter ones, one is the shorter ones'.
  var isTurnOfShorter = false
  private var arrivals: UInt64 = 0
  /// Goes up by two with every start; of each client with live requests, what it was at its last turn.
  var starts: UInt64 = 0
  var turns: [UInt64: UInt64] = [:]

  package init(limits: SchedulerLimits) {
    self.limits = limits
    cache = PrefixCache(
      cellCount: limits.cellCount, maxSequences: limits.maxSequences, reuse: limits.prefixReuse,
      parking: limits.parking)
    budget = PromptBudget(
      maximum: limits.promptTokensPerStep, targetMilliseconds: limits.targetStepMilliseconds)
  }

  package var runningCount: Int { running.count }
  /// Requests that hold no cells, those that gave way included.
  package var waitingCount: Int { waiting.count + parked.count }
  package var liveCount: Int { runningCount + waitingCount }
  package var hasWork: Bool { liveCount > 0 || !cache.actions.isEmpty }
  package var hasOutput: Bool { !output.entries.isEmpty }

  /// Throws when the request can never be served (`contextLengthExceeded`, `invalidValue`), not now (`serverBusy`), or
  /// when its id is in use. `now`: seconds on the clock that `endWaiting` is asked with.
  package mutating func submit(_ request: SequenceRequest, now: Double = 0) throws(AtelierError) {
    guard !request.prompt.isEmpty else {
      throw AtelierError(.invalidValue, "The prompt is empty: at least one token is needed.")
    }
    guard request.prompt.count + request.generated.count < limits.cellCount else {
      throw AtelierError(
        .contextLengthExceeded,
        "The prompt has \(request.prompt.count) tokens, but the context holds \(limits.cellCount). "
          + "Shorten it or load the model with a larger context length.",
        details: [
          "prompt_tokens": .integer(Int64(request.prompt.count)),
          "context_length": .integer(Int64(limits.cellCount)),
        ])
    }
    guard request.media.fit(request.prompt, maxRows: limits.maxBatchRows) else {
      throw AtelierError(.invalidValue, "The prompt's images do not fit the model.")
    }
    guard !isLive(request.id) else {
      throw AtelierError(.internalError, "A request with this id is already being served.")
    }
    guard liveCount < limits.parallel + limits.maxWaiting else {
      throw AtelierError(
        .serverBusy, "Too many requests are waiting for this model. Try again later.",
        retryAfter: min(60, max(1, liveCount / limits.parallel)))
    }
    arrivals += 1
    // Who is new stands behind those who have waited since their last turn, and before the one who started last.
    if turns[request.client] == nil { turns[request.client] = starts == 0 ? 0 : starts - 1 }
    var sequence = SequenceState(request, arrival: arrivals, workAtSubmit: work, submitted: now)
    sequence.expectedRemaining = sequence.tokens.count - (sequence.isScoring ? 0 : cache.reach(sequence.tokens))
    let rank = sequence.rank(remaining: sequence.expectedRemaining)
    let index = waiting.firstIndex { $0.rank(remaining: $0.expectedRemaining) > rank } ?? waiting.endIndex
    waiting.insert(sequence, at: index)
  }

  /// Ends the request; false if it is not live. What it computed stays for later prompts.
  @discardableResult
  package mutating func cancel(_ id: UInt64) -> Bool {
    if let index = running.firstIndex(where: { $0.id == id }) {
      end(running: index, .cancelled)
    } else if let index = parked.firstIndex(where: { $0.id == id }) {
      forgetClient(parked.remove(at: index).client)
      emit(id, .finished(.cancelled))
    } else if let index = waiting.firstIndex(where: { $0.id == id }) {
      forgetClient(waiting.remove(at: index).client)
      emit(id, .finished(.cancelled))
    } else {
      return false
    }
    return true
  }

  /// Takes a request back that has just been submitted, without an event.
  package mutating func withdraw(_ id: UInt64) {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
    forgetClient(waiting.remove(at: index).client)
  }

  /// Ends the requests that were submitted before `time` and have had no turn yet.
  package mutating func endWaiting(submittedBefore time: Double) {
    for index in waiting.indices.reversed() where waiting[index].submitted < time {
      let sequence = waiting.remove(at: index)
      forgetClient(sequence.client)
      emit(sequence.id, .finished(.waitedTooLong))
    }
  }

  /// The events since the last call.
  package mutating func takeOutput() -> StepOutput {
    defer { output = StepOutput() }
    return output
  }

  func isLive(_ id: UInt64) -> Bool {
    running.contains { $0.id == id } || parked.contains { $0.id == id } || waiting.contains { $0.id == id }
  }

  mutating func emit(_ id: UInt64, _ event: SequenceEvent) {
    if output.entries.isEmpty { output.entries.reserveCapacity(running.count + 1) }
    output.entries.append(StepOutput.Entry(id: id, event: event))
  }

  mutating func end(running index: Int, _ end: SequenceEnd) {
    let sequence = running.remove(at: index)
    if let number = sequence.number { cache.finish(number) }
    forgetClient(sequence.client)
    emit(sequence.id, .finished(end))
  }

  /// The running sequence gives its cells up and waits to be resumed. What is not needed at once stays as an entry.
  mutating func giveWay(running index: Int) {
    var sequence = running.remove(at: index)
    if let number = sequence.number { cache.finish(number) }
    sequence.number = nil
    sequence.computed = 0
    sequence.leader = nil
    let place = parked.firstIndex { $0.arrival > sequence.arrival } ?? parked.endIndex
    parked.insert(sequence, at: place)
  }

  /// The one that gives way when cells run out; nil if none may.
  var youngestRunning: Int? {
    guard running.count > 1 else { return nil }
    return running.indices.max { running[$0].arrival < running[$1].arrival }
  }
}
