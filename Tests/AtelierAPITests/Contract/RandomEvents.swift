import AtelierCore
import AtelierTesting

/// Streams of events that keep the contract, from a seed.
struct RandomEvents {
  private static let pieces = ["a", " b", "\n", "\"", "\\", "🙂", "é", "</think>", "{", "null", "\u{1}", "wörld "]
  private static let arguments = ["", "{}", #"{"zone":"UTC"}"#, #"{"a":[1,2,{"b":"é\n\"x\""}],"c":null}"#]
  private static let instance = InstanceSelection(
    instanceID: "tiny", modelKey: "tiny", architecture: "llama", quantization: "Q4_1", contextLength: 64)

  private var random: SeededGenerator
  private var events: [GenerationEvent] = []
  private var fold = EventFold()
  private var calls = 0

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func stream() -> [GenerationEvent] {
    if chance(2) { add(.instanceSelected(Self.instance)) }
    if chance(4) {
      add(.loadStarted)
      if chance(2) { add(.loadProgress(0.5)) }
      add(.loadFinished(seconds: 0.25))
    }
    add(.promptStarted)
    if chance(2) { add(.promptProgress(1)) }
    add(.promptFinished(PromptUsage(tokens: 9, cachedTokens: Int.random(in: 0...9, using: &random))))
    for _ in 0..<Int.random(in: 0...5, using: &random) { block() }
    var reason: FinishReason =
      [.endOfText, .stopString, .maxTokens, .contextFull].randomElement(using: &random) ?? .endOfText
    if reason == .maxTokens, chance(2) { call(arguments: #"{"cut":"of"#) }
    if reason == .endOfText, calls > 0 { reason = .toolCalls }
    add(
      .finished(
        GenerationResult(
          instance: Self.instance, output: fold.output, finishReason: reason,
          matchedStop: reason == .stopString ? "STOP" : nil,
          usage: GenerationUsage(inputTokens: 9, cachedTokens: 4, outputTokens: 7, reasoningTokens: 2))))
    return events
  }

  private mutating func block() {
    switch Int.random(in: 0..<6, using: &random) {
    case 0:
      add(.reasoningStarted)
      for text in text() { add(.reasoningDelta(text)) }
      add(.reasoningFinished)
    case 1, 2:
      add(.messageStarted)
      for text in text() { add(.messageDelta(text, [])) }
      add(.messageFinished)
    case 3: call(arguments: Self.arguments.randomElement(using: &random) ?? "")
    case 4:
      let provider = ToolProviderInfo.plugin(id: "mcp/files")
      let call = ToolCall(id: "call_\(events.count)", name: "read", arguments: "{}")
      add(.toolCallStarted(ToolCallHead(id: call.id, name: call.name, provider: provider)))
      add(.toolCallArguments(call, provider: provider))
      add(.toolCallSucceeded(call, provider: provider, output: "done"))
    default: add(.toolCallFailed(InvalidToolCall(kind: .name, reason: "unknown", toolName: "x")))
    }
  }

  /// A call for the client, whose arguments come whole or in pieces of any size.
  private mutating func call(arguments: String) {
    calls += 1
    let call = ToolCall(id: "call_\(calls)", name: "f\(calls)", arguments: arguments)
    add(.toolCallStarted(ToolCallHead(id: call.id, name: call.name)))
    if chance(2) {
      var rest = arguments[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...6, using: &random))
        add(.toolCallArgumentsDelta(String(piece)))
        rest = rest.dropFirst(piece.count)
      }
    }
    add(.toolCallArguments(call, provider: nil))
  }

  private mutating func text() -> [String] {
    (0..<Int.random(in: 0...4, using: &random)).map { _ in Self.pieces.randomElement(using: &random) ?? "a" }
  }

  private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

  private mutating func add(_ event: GenerationEvent) {
    fold.add(event)
    events.append(event)
  }
}
