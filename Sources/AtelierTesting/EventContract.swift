import AtelierCore

/// Checks a stream of events against the contract of `GenerationEvent`, event by event. Every producer's tests feed it what
/// they produced:
///
///     var contract = EventContract()
///     for await event in stream { contract.add(event) }
///     #expect(contract.finish() == [])
package struct EventContract: Sendable {
  private enum Phase: Equatable {
    case none, load, prompt, reasoning, message
    case call(ToolCallHead, arguments: String)
    /// The arguments are complete and the server runs the call.
    case running(ToolCall)
  }

  private var violations: [String] = []
  private var phase = Phase.none
  private var fold = EventFold()
  private var count = 0
  private var progress = 0.0
  private var hasInstance = false
  private var hasLoad = false
  private var hasPrompt = false
  private var hasFailed = false
  private var isFinished = false

  package init() {}

  package static func violations(in events: some Sequence<GenerationEvent>) -> [String] {
    var contract = EventContract()
    for event in events { contract.add(event) }
    return contract.finish()
  }

  /// Call once, after the last event. Empty when the stream kept the contract; else each violation, with the place of the
  /// event.
  package mutating func finish() -> [String] {
    if !isFinished { report("the stream ended without 'finished'") }
    return violations
  }

  package mutating func add(_ event: GenerationEvent) {
    defer { count += 1 }
    if isFinished { return report("\(event.name) after 'finished'") }
    fold.add(event)
    if hasFailed, event.name != "finished" { return report("\(event.name) after 'failed'") }
    switch event {
    case .instanceSelected:
      if hasInstance { report("a second instanceSelected") }
      if count > 0 { report("instanceSelected is not the first event") }
      hasInstance = true
    case .loadStarted, .loadProgress, .loadFinished: addLoad(event)
    case .toolsListed:
      expect(.none, event)
      if hasPrompt { report("toolsListed after the prompt") }
    case .promptStarted, .promptProgress, .promptFinished: addPrompt(event)
    case .reasoningStarted: open(.reasoning, event)
    case .messageStarted: open(.message, event)
    case .reasoningDelta(let text): delta(text, in: .reasoning, event)
    case .messageDelta(let text, let tokens): delta(tokens.isEmpty ? text : "tokens", in: .message, event)
    case .reasoningFinished: close(.reasoning, event)
    case .messageFinished: close(.message, event)
    case .toolCallStarted, .toolCallArgumentsDelta, .toolCallArguments, .toolCallSucceeded, .toolCallFailed:
      addCall(event)
    case .failed:
      if phase == .reasoning || phase == .message { report("failed inside an open text block") }
      hasFailed = true
      phase = .none
    case .finished(let result):
      if phase != .none { report("finished inside \(phase)") }
      if result.output != fold.output {
        report("finished carries \(result.output), but the events fold to \(fold.output)")
      }
      let saysFailed = result.finishReason == .failed
      if hasFailed ? !saysFailed && result.finishReason != .modelUnloaded : saysFailed {
        report("the finish reason is \(result.finishReason), with\(hasFailed ? "" : "out") a failure")
      }
      if hasFailed, result.responseID != nil { report("a failed answer has a response id") }
      isFinished = true
    }
  }

  // MARK: Load and prompt

  private mutating func addLoad(_ event: GenerationEvent) {
    switch event {
    case .loadStarted:
      if hasLoad || hasPrompt { report("loadStarted must come once, before the prompt") }
      expect(.none, event)
      hasLoad = true
      begin(.load)
    case .loadProgress(let value):
      expect(.load, event)
      advance(to: value, event)
    default:
      expect(.load, event)
      phase = .none
    }
  }

  private mutating func addPrompt(_ event: GenerationEvent) {
    switch event {
    case .promptStarted:
      expect(.none, event)
      hasPrompt = true
      begin(.prompt)
    case .promptProgress(let value):
      expect(.prompt, event)
      advance(to: value, event)
    case .promptFinished(let usage):
      expect(.prompt, event)
      if usage.cachedTokens > usage.tokens || usage.cachedTokens < 0 {
        report("promptFinished caches more than it has")
      }
      phase = .none
    default: break
    }
  }

  private mutating func begin(_ next: Phase) {
    phase = next
    progress = 0
  }

  private mutating func advance(to value: Double, _ event: GenerationEvent) {
    if !(0...1).contains(value) { report("\(event.name) of \(value)") }
    if value < progress { report("\(event.name) fell from \(progress) to \(value)") }
    progress = max(progress, value)
  }

  // MARK: Blocks

  private mutating func open(_ block: Phase, _ event: GenerationEvent) {
    expect(.none, event)
    if !hasPrompt { report("\(event.name) before the prompt") }
    phase = block
  }

  private mutating func delta(_ text: String, in block: Phase, _ event: GenerationEvent) {
    expect(block, event)
    if text.isEmpty { report("an empty \(event.name)") }
  }

  private mutating func close(_ block: Phase, _ event: GenerationEvent) {
    expect(block, event)
    phase = .none
  }

  private mutating func addCall(_ event: GenerationEvent) {
    switch (event, phase) {
    case (.toolCallStarted(let head), _): open(.call(head, arguments: ""), event)
    case (.toolCallArgumentsDelta(let text), .call(let head, let arguments)):
      phase = .call(head, arguments: arguments + text)
    case (.toolCallArguments(let call, let provider), .call(let head, let arguments)):
      if call.id != head.id || call.name != head.name || provider != head.provider {
        report("toolCallArguments of another call than the one begun")
      }
      if !arguments.isEmpty, arguments != call.arguments { report("the arguments differ from their deltas") }
      phase = provider == nil ? .none : .running(call)
    case (.toolCallSucceeded(let call, _, _, _), .running(let running)):
      if call != running { report("toolCallSucceeded of another call than the one running") }
      phase = .none
    case (.toolCallFailed(let invalid), .none):
      if invalid.kind != .name { report("toolCallFailed of a call that was not begun") }
      if !hasPrompt { report("toolCallFailed before the prompt") }
    case (.toolCallFailed, .call), (.toolCallFailed, .running): phase = .none
    default:
      report("\(event.name) inside \(phase)")
      phase = .none
    }
  }

  // MARK: Reports

  private mutating func expect(_ expected: Phase, _ event: GenerationEvent) {
    if phase != expected { report("\(event.name) inside \(phase)") }
  }

  private mutating func report(_ violation: String) { violations.append("event \(count): \(violation)") }
}
