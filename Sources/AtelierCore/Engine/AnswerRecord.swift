/// What an answer looks like so far, whichever engines it came from: enough to end it properly when its engine can no longer
/// do it, and to go on with another one.
///
/// A second engine begins at the prompt again. What it says of that and the client knows already is left out, and its last
/// word is set right: the times and the cached tokens are those of the answer, not of the engine.
package struct AnswerRecord: Sendable {
  private enum Block: Sendable { case prompt, reasoning, message }

  private var fold = EventFold()
  private var allowance = AnswerAllowance()
  private var block: Block?
  private var usage = GenerationUsage()
  private var hasPrompt = false
  private var progress: Double?
  private var hasReadPrompt = false
  private var sofar = AnswerSoFar(tokens: [])
  private var accepted: ContinuousClock.Instant?
  private var firstToken: ContinuousClock.Instant?
  private var lastToken: ContinuousClock.Instant?
  package private(set) var deaths: [EngineDeath] = []
  package private(set) var isFinished = false

  package init() {}

  package var tokenCount: Int { sofar.tokens.count }

  /// What the next engine needs to know; nil when nothing was generated yet.
  package var soFar: AnswerSoFar? { sofar.tokens.isEmpty ? nil : sofar }

  /// An engine took the request.
  package mutating func accept(now: ContinuousClock.Instant) { accepted = accepted ?? now }

  /// The engine generated these, in order. `draws`: random numbers drawn since the answer's beginning. Comes before the
  /// events that the tokens became.
  package mutating func add(
    tokens: [Int32], logprobs: [TokenLogprob], draws: Int, now: ContinuousClock.Instant
  ) {
    guard !tokens.isEmpty else { return }
    firstToken = firstToken ?? now
    lastToken = now
    sofar.tokens += tokens
    sofar.draws = draws
    guard !logprobs.isEmpty else { return }
    sofar.logprobs += logprobs
    // Cut seldom, so that a token costs no copy of the rest.
    if sofar.logprobs.count > 2 * AnswerSoFar.maxLogprobs {
      sofar.logprobs.removeFirst(sofar.logprobs.count - AnswerSoFar.maxLogprobs)
    }
  }

  /// The engine is gone and the answer is not complete.
  package mutating func died(wasAlone: Bool) {
    deaths.append(EngineDeath(tokens: sofar.tokens.count, wasAlone: wasAlone))
  }

  /// Whether the engine can have said that, as far as its tokens go. To be asked once before `add`, of engines that nobody
  /// need trust.
  package mutating func admits(_ event: GenerationEvent) -> Bool { allowance.admits(event, tokens: tokenCount) }

  /// Takes in what an engine said. Returns what of it is news; nil: nothing.
  package mutating func add(_ event: GenerationEvent) -> GenerationEvent? {
    var event = event
    switch event {
    case .promptStarted:
      guard !hasPrompt else { return nil }
      hasPrompt = true
      block = .prompt
    case .promptProgress(let value):
      guard !hasReadPrompt, progress.map({ $0 < value }) ?? true else { return nil }
      progress = value
    case .promptFinished(let prompt):
      guard !hasReadPrompt else { return nil }
      hasReadPrompt = true
      usage.inputTokens = prompt.tokens
      usage.cachedTokens = prompt.cachedTokens
      block = nil
    case .reasoningStarted: block = .reasoning
    case .messageStarted: block = .message
    case .reasoningFinished, .messageFinished: block = nil
    case .toolCallStarted(let head): sofar.callIDs.append(head.id)
    case .finished(let result):
      event = .finished(corrected(result))
      isFinished = true
    default: break
    }
    fold.add(event)
    return event
  }

  private func corrected(_ result: GenerationResult) -> GenerationResult {
    guard !deaths.isEmpty else { return result }
    var result = result
    if hasReadPrompt { result.usage.cachedTokens = usage.cachedTokens }
    result.timings = timings
    return result
  }

  private var timings: GenerationTimings {
    guard let accepted, let firstToken, let lastToken else { return GenerationTimings() }
    return GenerationTimings(
      timeToFirstToken: (firstToken - accepted).inSeconds, generation: (lastToken - firstToken).inSeconds)
  }

  /// The events that end it: an open block of text is closed, then the error, then what was generated so far. A call cut off
  /// in its arguments is ended by the error alone. None when it has ended already.
  package mutating func end(_ error: AtelierError, _ reason: FinishReason) -> [GenerationEvent] {
    guard !isFinished else { return [] }
    var events: [GenerationEvent] = []
    switch block {
    case .prompt: events.append(.promptFinished(PromptUsage(tokens: 0, cachedTokens: 0)))
    case .reasoning: events.append(.reasoningFinished)
    case .message: events.append(.messageFinished)
    case nil: break
    }
    for event in events { _ = add(event) }
    if fold.failure == nil { events.append(.failed(error)) }
    usage.outputTokens = sofar.tokens.count
    events.append(
      .finished(GenerationResult(output: fold.output, finishReason: reason, usage: usage, timings: timings)))
    isFinished = true
    return events
  }
}
