import AtelierCore

/// The chunks of a streamed chat completion (openai.md 7.10), for all choices of one request.
///
/// Members of a chunk, in this order: `id`, `object`, `created`, `model`, `system_fingerprint`, `choices` (of each
/// choice: `index`, `delta`, `logprobs`, `finish_reason`), then `usage` if usage was asked for, then LM Studio's members on
/// a finish chunk. Everything that stays the same from chunk to chunk is written once.
package struct OpenAIChatStreamEncoder: StreamEncoder {
  private let context: OpenAIChat.Context
  private var choices: [Choice]
  private var instance: InstanceSelection?
  private let extras: OpenAIExtras
  /// nil until the first chunk.
  private var head: OpenAIChunkHead?
  /// From the end of a delta to the closing brace, for chunks with neither log probabilities nor a finish reason.
  private var plainTail: [UInt8] = []
  /// An error was sent: nothing follows it.
  private var failed = false

  private struct Choice {
    var callCount = 0
    /// The call that is open, if it is one for the client: bytes of its arguments sent so far.
    var sentArguments: Int?
    var result: GenerationResult?
  }

  package init(_ context: OpenAIChat.Context) { self.init(context, extras: .stats) }

  init(_ context: OpenAIChat.Context, extras: OpenAIExtras) {
    self.context = context
    self.extras = extras
    choices = Array(repeating: Choice(), count: max(1, context.choices))
  }

  /// A comment: anything else arrives at SDK users as a chunk without choices.
  package func keepAlive() -> ServerSentEvent? { .comment("keep-alive") }

  package mutating func encode(_ event: GenerationEvent, choice: Int) -> [ServerSentEvent] {
    guard !failed, choices.indices.contains(choice), choices[choice].result == nil else { return [] }
    switch event {
    case .instanceSelected(let selection):
      instance = instance ?? selection
      return []
    case .loadStarted, .loadProgress, .loadFinished, .promptProgress, .promptFinished, .reasoningStarted,
      .reasoningFinished, .messageStarted, .messageFinished, .toolsListed:
      return []
    // Here the prompt is known to fit; what was wrong before it is still an HTTP status.
    case .promptStarted: return begin()
    case .reasoningDelta(let text):
      guard !text.isEmpty else { return [] }
      let beginning = begin()
      return beginning + CollectionOfOne(delta(choice, OpenAIChatResult.reasoningKey(of: instance), text, []))
    case .messageDelta(let text, let tokens):
      guard !text.isEmpty || !tokens.isEmpty else { return [] }
      let beginning = begin()
      return beginning + CollectionOfOne(delta(choice, "content", text, tokens))
    case .toolCallStarted(let call): return begin() + callStarted(choice, call)
    case .toolCallArgumentsDelta(let text): return arguments(choice, text)
    case .toolCallArguments(let call, provider: nil): return callFinished(choice, call)
    case .toolCallArguments, .toolCallSucceeded, .toolCallFailed:
      choices[choice].sentArguments = nil
      return []
    case .failed(let error):
      failed = true
      return [.json(["error": OpenAIError.object(error)])]
    case .finished(let result): return finish(choice, result)
    }
  }

  // MARK: Beginning and end

  /// The chunks with the role, one per choice and all before anything else: the SDK wants choices in order.
  private mutating func begin() -> [ServerSentEvent] {
    guard head == nil else { return [] }
    head = OpenAIChunkHead(
      id: context.id, object: "chat.completion.chunk", created: context.stamp.created,
      model: instance.name(askedFor: context.model))
    close(into: &plainTail)
    return choices.indices.map { chunk($0, delta: #""role":"assistant","content":"""#) }
  }

  private mutating func finish(_ choice: Int, _ result: GenerationResult) -> [ServerSentEvent] {
    instance = instance ?? result.instance
    var events = begin()
    choices[choice].result = result
    let reason = OpenAIChatResult.finishReason(of: result, isLegacy: context.usesLegacyFunctions)
    events.append(chunk(choice, delta: "", finishReason: reason, of: result))
    let results = choices.compactMap(\.result)
    guard results.count == choices.count else { return events }
    if context.includesUsage, let head {
      events.append(
        head.usageChunk(OpenAIChatResult.usage(of: results), of: choices.first?.result, extras: extras))
    }
    events.append(OpenAIChunkHead.done)
    return events
  }

  // MARK: Calls

  private mutating func callStarted(_ choice: Int, _ call: ToolCallHead) -> [ServerSentEvent] {
    let isShown = call.provider == nil && (!context.usesLegacyFunctions || choices[choice].callCount == 0)
    guard isShown else {
      choices[choice].sentArguments = nil
      return []
    }
    choices[choice].callCount += 1
    choices[choice].sentArguments = 0
    var delta: [UInt8] = []
    if context.usesLegacyFunctions {
      delta.append(contentsOf: #""function_call":{"name":"#.utf8)
      JSONWriter.appendString(call.name, to: &delta)
      delta.append(contentsOf: #","arguments":""}"#.utf8)
    } else {
      delta.append(contentsOf: #""tool_calls":[{"index":"#.utf8)
      JSONWriter.appendInteger(Int64(choices[choice].callCount - 1), to: &delta)
      delta.append(contentsOf: #","id":"#.utf8)
      JSONWriter.appendString(call.id, to: &delta)
      delta.append(contentsOf: #","type":"function","function":{"name":"#.utf8)
      JSONWriter.appendString(call.name, to: &delta)
      delta.append(contentsOf: #","arguments":""}}]"#.utf8)
    }
    return [chunk(choice, delta: delta)]
  }

  private mutating func arguments(_ choice: Int, _ text: String) -> [ServerSentEvent] {
    guard !text.isEmpty, let sent = choices[choice].sentArguments else { return [] }
    choices[choice].sentArguments = sent + text.utf8.count
    var delta: [UInt8] = []
    if context.usesLegacyFunctions {
      delta.append(contentsOf: #""function_call":{"arguments":"#.utf8)
      JSONWriter.appendString(text, to: &delta)
      delta.append(UInt8(ascii: "}"))
    } else {
      delta.append(contentsOf: #""tool_calls":[{"index":"#.utf8)
      JSONWriter.appendInteger(Int64(choices[choice].callCount - 1), to: &delta)
      delta.append(contentsOf: #","function":{"arguments":"#.utf8)
      JSONWriter.appendString(text, to: &delta)
      delta.append(contentsOf: "}}]".utf8)
    }
    return [chunk(choice, delta: delta)]
  }

  /// Sends what the deltas left out: everything, for producers that know a call only when it is whole.
  private mutating func callFinished(_ choice: Int, _ call: ToolCall) -> [ServerSentEvent] {
    guard let sent = choices[choice].sentArguments else { return [] }
    let whole = call.arguments.isEmpty ? "{}" : call.arguments
    let events = arguments(choice, String(decoding: whole.utf8.dropFirst(sent), as: UTF8.self))
    choices[choice].sentArguments = nil
    return events
  }

  // MARK: Chunks

  /// A chunk whose delta is one string: the path every token takes.
  private func delta(_ choice: Int, _ key: String, _ text: String, _ tokens: [TokenLogprob]) -> ServerSentEvent {
    var data: [UInt8] = []
    data.reserveCapacity((head?.bytes.count ?? 0) + text.utf8.count + 96)
    open(choice, into: &data)
    data.append(UInt8(ascii: "\""))
    data.append(contentsOf: key.utf8)
    data.append(contentsOf: #"":"#.utf8)
    JSONWriter.appendString(text, to: &data)
    if tokens.isEmpty {
      data.append(contentsOf: plainTail)
    } else {
      close(into: &data, logprobs: OpenAILogprobs.value(tokens))
    }
    return .event(name: nil, data: data)
  }

  private func chunk(
    _ choice: Int, delta: some Sequence<UInt8>, finishReason: String? = nil, of result: GenerationResult? = nil
  ) -> ServerSentEvent {
    var data: [UInt8] = []
    open(choice, into: &data)
    data.append(contentsOf: delta)
    close(into: &data, finishReason: finishReason, of: result)
    return .event(name: nil, data: data)
  }

  private func chunk(
    _ choice: Int, delta: String, finishReason: String? = nil, of result: GenerationResult? = nil
  ) -> ServerSentEvent {
    chunk(choice, delta: delta.utf8, finishReason: finishReason, of: result)
  }

  private func open(_ choice: Int, into data: inout [UInt8]) {
    if let head { data.append(contentsOf: head.bytes) }
    JSONWriter.appendInteger(Int64(choice), to: &data)
    data.append(contentsOf: #","delta":{"#.utf8)
  }

  private func close(
    into data: inout [UInt8], logprobs: JSONValue? = nil, finishReason: String? = nil,
    of result: GenerationResult? = nil
  ) {
    data.append(contentsOf: #"},"logprobs":"#.utf8)
    if let logprobs { logprobs.write(into: &data) } else { data.append(contentsOf: "null".utf8) }
    data.append(contentsOf: #","finish_reason":"#.utf8)
    if let finishReason {
      JSONWriter.appendString(finishReason, to: &data)
    } else {
      data.append(contentsOf: "null".utf8)
    }
    data.append(contentsOf: "}]".utf8)
    if context.includesUsage { data.append(contentsOf: #","usage":null"#.utf8) }
    if let result { extras.write(of: result, into: &data) }
    data.append(UInt8(ascii: "}"))
  }
}
