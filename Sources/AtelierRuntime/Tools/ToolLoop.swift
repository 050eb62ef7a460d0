import AtelierCore

/// Rounds of generating and calling tools as one continuous answer (native.md 4.12, 5.5). Pure: it is told what the engine
/// and the servers say, and says what to show and what to do next. Calls run one after another, as soon as each is written.
///
/// Calls of the client's own functions pass through and end the turn.
struct ToolLoop: Sendable {
  enum Step: Sendable, Hashable {
    /// Read on.
    case proceed
    /// Run this call, then tell `complete`.
    case call(Order)
    /// The round is over; the next begins with the answer so far behind the prompt.
    case round(Round)
    /// The answer is over: `finished` is among the events.
    case end
  }

  struct Order: Sendable, Hashable {
    /// Index of the menu's offer.
    var provider: Int
    var tool: String
    var arguments: JSONObject
    /// How long the call may take.
    var limit: Duration
  }

  struct Round: Sendable, Hashable {
    var mayCall: Bool
    /// nil: no limit.
    var maxOutputTokens: Int?
  }

  private enum OpenCall: Sendable {
    case served(ToolMenu.Entry)
    case client
    case unknown
  }

  private let limits: ToolLoopLimits
  private let maxOutputTokens: Int?
  private let clientTools: Set<String>
  private(set) var menu: ToolMenu

  private var fold = EventFold()
  private var rounds: [Int] = []
  private var usage = GenerationUsage()
  private var timings: GenerationTimings?
  private var mayCall = true
  private var openCall: OpenCall?
  /// The call that is run now.
  private var running: (call: ToolCall, info: ToolProviderInfo)?
  private var roundsWithCalls = 0
  private var calls = 0
  private var outputBytes = 0
  /// In this round: calls that need another round, and calls that the client has to answer.
  private var hasCalls = false
  private var hasClientCalls = false

  init(menu: ToolMenu, limits: ToolLoopLimits, maxOutputTokens: Int? = nil, clientTools: Set<String> = []) {
    self.menu = menu
    self.limits = limits
    self.maxOutputTokens = maxOutputTokens
    self.clientTools = clientTools
  }

  /// What was said so far, and where its later rounds begin.
  var output: (items: [OutputItem], rounds: [Int]) { (fold.output, rounds) }

  /// What the servers offer, where it is to be shown.
  mutating func list(_ listings: [ToolListing]) -> [GenerationEvent] { show(listings.map(GenerationEvent.toolsListed)) }

  /// A server changed its tools between two rounds.
  mutating func replace(_ menu: ToolMenu) { self.menu = menu }

  /// `elapsed`: since the request began to use tools. Not to be called between `call` and `complete`.
  mutating func add(_ event: GenerationEvent, elapsed: Duration) -> (events: [GenerationEvent], step: Step) {
    switch event {
    case .toolCallStarted(let head): return (show(started(head)), .proceed)
    case .toolCallArgumentsDelta:
      if case .unknown = openCall { return ([], .proceed) }
      return (show([event]), .proceed)
    case .toolCallArguments(let call, provider: nil): return complete(call, elapsed: elapsed)
    case .finished(let result): return finish(result, elapsed: elapsed)
    default: return (show([event]), .proceed)
    }
  }

  /// What came of the call that `add` ordered.
  mutating func complete(_ outcome: ToolOutcome) -> [GenerationEvent] {
    guard let (call, info) = running else { return [] }
    running = nil
    var output = outcome.output
    if outputBytes + output.utf8.count > limits.outputBytes { output = ToolResultText.withoutData(output) }
    outputBytes += output.utf8.count
    return show([.toolCallSucceeded(call, provider: info, output: output, isError: outcome.isError)])
  }

  /// The end after a fault that the engine does not report itself.
  mutating func fail(_ error: AtelierError) -> [GenerationEvent] {
    var events: [GenerationEvent] = []
    if let (call, info) = running {
      // Its block has to close; the answer is not kept anyway.
      running = nil
      let output = ToolOutcome.failure(error.message).output
      events = show([.toolCallSucceeded(call, provider: info, output: output, isError: true)])
    }
    let reason: FinishReason = error.code == .modelUnloaded ? .modelUnloaded : .failed
    return events + show([.failed(error), .finished(total(GenerationResult(finishReason: reason)))])
  }

  // MARK: Calls

  private mutating func started(_ head: ToolCallHead) -> [GenerationEvent] {
    if mayCall, let entry = menu[head.name] {
      openCall = .served(entry)
      return [.toolCallStarted(ToolCallHead(id: head.id, name: entry.name, provider: entry.info))]
    }
    if clientTools.contains(head.name) {
      openCall = .client
      return [.toolCallStarted(head)]
    }
    openCall = .unknown
    return []
  }

  private mutating func complete(_ call: ToolCall, elapsed: Duration) -> (events: [GenerationEvent], step: Step) {
    defer { openCall = nil }
    switch openCall {
    case .client:
      hasClientCalls = true
      return (show([.toolCallArguments(call, provider: nil)]), .proceed)
    case .served(let entry): return serve(call, entry, elapsed: elapsed)
    case .unknown, nil:
      hasCalls = true
      let invalid = InvalidToolCall(
        kind: .name, reason: "Cannot find tool with name \(call.name).", toolName: call.name)
      return (show([.toolCallFailed(invalid)]), .proceed)
    }
  }

  private mutating func serve(
    _ call: ToolCall, _ entry: ToolMenu.Entry, elapsed: Duration
  ) -> (events: [GenerationEvent], step: Step) {
    hasCalls = true
    let text = call.arguments.allSatisfy(\.isWhitespace) ? "{}" : call.arguments
    let arguments = (try? JSONValue(parsing: text))?.objectValue
    let problem =
      if let arguments { entry.schema.flatMap { SchemaCheck.violation(of: .object(arguments), against: $0) } } else {
        "they are not a JSON object"
      }
    guard let arguments, problem == nil else {
      var invalid = InvalidToolCall(
        kind: .arguments, reason: "Invalid arguments for tool \(entry.name): \(problem ?? "").", toolName: entry.name,
        arguments: arguments == nil ? nil : text, provider: entry.info)
      if entry.shownName != entry.name { invalid.shownName = entry.shownName }
      return (show([.toolCallFailed(invalid)]), .proceed)
    }
    var served = ToolCall(id: call.id, name: entry.name, arguments: text)
    if entry.shownName != entry.name { served.shownName = entry.shownName }
    running = (served, entry.info)
    let events = show([.toolCallArguments(served, provider: entry.info)])
    let left = limits.total - elapsed
    guard left > .zero, calls < limits.calls else {
      let reason = left > .zero ? "this request has made \(limits.calls) calls" : "this request has taken too long"
      return (events + complete(.failure("The tool was not called: \(reason).")), .proceed)
    }
    calls += 1
    return (events, .call(Order(provider: entry.provider, tool: entry.name, arguments: arguments, limit: left)))
  }

  // MARK: Rounds

  private mutating func finish(
    _ result: GenerationResult, elapsed: Duration
  ) -> (events: [GenerationEvent], step: Step) {
    usage.inputTokens = result.usage.inputTokens
    usage.cachedTokens = result.usage.cachedTokens
    usage.outputTokens += result.usage.outputTokens
    usage.reasoningTokens += result.usage.reasoningTokens
    let before = timings
    timings = before ?? result.timings
    timings?.generation = (before?.generation ?? 0) + result.timings.generation
    guard result.finishReason == .toolCalls, hasCalls, !hasClientCalls, mayCall else {
      return (show([.finished(total(result))]), .end)
    }
    let left = maxOutputTokens.map { $0 - usage.outputTokens }
    if let left, left <= 0 {
      var result = result
      result.finishReason = .maxTokens
      return (show([.finished(total(result))]), .end)
    }
    hasCalls = false
    roundsWithCalls += 1
    rounds.append(fold.output.count)
    mayCall = roundsWithCalls < limits.rounds && calls < limits.calls && elapsed < limits.total
    return ([], .round(Round(mayCall: mayCall, maxOutputTokens: left)))
  }

  /// The last round's result with what belongs to all rounds.
  private func total(_ result: GenerationResult) -> GenerationResult {
    var result = result
    result.output = fold.output
    result.rounds = rounds.filter { $0 < fold.output.count }
    result.usage = usage
    result.timings = timings ?? GenerationTimings()
    // Calls that were answered are no reason to stop.
    if result.finishReason == .toolCalls, !hasClientCalls { result.finishReason = .endOfText }
    return result
  }

  private mutating func show(_ events: [GenerationEvent]) -> [GenerationEvent] {
    for event in events { fold.add(event) }
    return events
  }
}
