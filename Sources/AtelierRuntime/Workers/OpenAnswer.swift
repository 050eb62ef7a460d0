import AtelierCore

/// What an answer looks like so far, so that it can be ended properly when its worker can no longer do it.
struct OpenAnswer: Sendable {
  private enum Block: Sendable { case prompt, reasoning, message }

  private var fold = EventFold()
  private var block: Block?
  private var usage = GenerationUsage()
  private(set) var isFinished = false
  /// When the worker took the request.
  private let accepted: Duration
  /// It has had its turn.
  private var hasBegun = false

  init(accepted: Duration) { self.accepted = accepted }

  /// How long it waits for its turn; nil once it had it.
  func waiting(now: Duration) -> Duration? { hasBegun ? nil : now - accepted }

  mutating func add(_ event: GenerationEvent) {
    fold.add(event)
    hasBegun = true
    switch event {
    case .promptStarted: block = .prompt
    case .reasoningStarted: block = .reasoning
    case .messageStarted: block = .message
    case .promptFinished(let prompt):
      usage.inputTokens = prompt.tokens
      usage.cachedTokens = prompt.cachedTokens
      block = nil
    case .reasoningFinished, .messageFinished: block = nil
    case .finished: isFinished = true
    default: break
    }
  }

  /// The events that end it: an open block of text is closed, then the error, then what was generated so far. A call cut off
  /// in its arguments is ended by the error alone.
  mutating func end(_ error: AtelierError, _ reason: FinishReason) -> [GenerationEvent] {
    var events: [GenerationEvent] = []
    switch block {
    case .prompt: events.append(.promptFinished(PromptUsage(tokens: 0, cachedTokens: 0)))
    case .reasoning: events.append(.reasoningFinished)
    case .message: events.append(.messageFinished)
    case nil: break
    }
    for event in events { add(event) }
    if fold.failure == nil { events.append(.failed(error)) }
    events.append(
      .finished(GenerationResult(output: fold.output, finishReason: reason, usage: usage)))
    isFinished = true
    return events
  }
}
