import AtelierCore

/// The 19 event types of the native stream, in the order of native.md 5.3. `event:` always equals `data.type`.
package struct LMStudioV1ChatStreamEncoder: StreamEncoder {
  private enum TextBlock: String {
    case reasoning, message
  }

  private var instanceID = ""
  private var lastProgress = -1.0
  /// The block the events are in, and whether its `.start` was sent: that waits for the first text.
  private var block: TextBlock?
  private var isBlockShown = false
  private var failed = false
  private var ended = false

  package init() {}

  package func keepAlive() -> ServerSentEvent? { .comment("ping") }

  package mutating func encode(_ event: GenerationEvent, choice: Int) -> [ServerSentEvent] {
    // Nothing but `chat.end` follows an `error`, and nothing follows `chat.end`.
    if ended { return [] }
    if failed, case .finished = event {} else if failed { return [] }
    switch event {
    case .toolsListed: return []
    case .reasoningStarted: return open(.reasoning)
    case .reasoningDelta(let text): return delta(text, in: .reasoning)
    case .messageStarted: return open(.message)
    case .messageDelta(let text, _): return delta(text, in: .message)
    case .reasoningFinished, .messageFinished: return close()
    case .instanceSelected(let selection):
      instanceID = selection.instanceID
      return [instance("chat.start")]
    case .loadStarted:
      lastProgress = 0
      return [instance("model_load.start"), instance("model_load.progress", ["progress": 0])]
    case .loadProgress(let progress):
      return advance(to: progress).map { instance("model_load.progress", $0) }
    case .loadFinished(let seconds):
      return advance(to: 1).map { instance("model_load.progress", $0) }
        + [instance("model_load.end", ["load_time_seconds": .measure(seconds)])]
    case .promptStarted:
      lastProgress = -1
      return [Self.plain("prompt_processing.start")]
    case .promptProgress(let progress):
      return advance(to: progress).map { Self.plain("prompt_processing.progress", $0) }
    case .promptFinished:
      return advance(to: 1).map { Self.plain("prompt_processing.progress", $0) }
        + [Self.plain("prompt_processing.end")]
    case .toolCallStarted, .toolCallArgumentsDelta, .toolCallArguments, .toolCallSucceeded, .toolCallFailed:
      return toolCall(event)
    case .failed(let error):
      let closing = close()
      failed = true
      return closing + [Self.plain("error", ["error": LMStudioV1Error.object(error)])]
    case .finished(let result):
      let closing = close()
      ended = true
      let body = LMStudioV1ChatResult.body(
        of: result, instanceID: instanceID, failed: failed || result.finishReason == .failed)
      return closing + [Self.plain("chat.end", ["result": body])]
    }
  }

  // MARK: Text

  private mutating func open(_ kind: TextBlock) -> [ServerSentEvent] {
    let closing = close()
    block = kind
    return closing
  }

  private mutating func close() -> [ServerSentEvent] {
    defer {
      block = nil
      isBlockShown = false
    }
    guard let block, isBlockShown else { return [] }
    return [Self.plain(block.rawValue + ".end")]
  }

  private mutating func delta(_ text: String, in kind: TextBlock) -> [ServerSentEvent] {
    guard !text.isEmpty else { return [] }
    let name: String
    var data: [UInt8] = []
    data.reserveCapacity(text.utf8.count + 48)
    switch kind {
    case .reasoning:
      name = "reasoning.delta"
      data.append(contentsOf: #"{"type":"reasoning.delta","content":"#.utf8)
    case .message:
      name = "message.delta"
      data.append(contentsOf: #"{"type":"message.delta","content":"#.utf8)
    }
    JSONWriter.appendString(text, to: &data)
    data.append(UInt8(ascii: "}"))
    let delta = ServerSentEvent.event(name: name, data: data)
    if isBlockShown { return [delta] }
    isBlockShown = true
    return [Self.plain(kind.rawValue + ".start"), delta]
  }

  // MARK: Tools

  /// Calls the server runs. Calls for the client do not exist in this API and are not shown.
  private func toolCall(_ event: GenerationEvent) -> [ServerSentEvent] {
    switch event {
    case .toolCallStarted(let head):
      guard let provider = head.provider else { return [] }
      return [tool("tool_call.start", ["tool": .string(head.name)], provider)]
    case .toolCallArguments(let call, let provider?):
      return [
        tool(
          "tool_call.arguments", ["tool": .string(call.name), "arguments": .object(text: call.arguments)], provider)
      ]
    case .toolCallSucceeded(let call, let provider, let output, _):
      return [
        tool(
          "tool_call.success",
          ["tool": .string(call.name), "arguments": .object(text: call.arguments), "output": .string(output)], provider)
      ]
    case .toolCallFailed(let invalid):
      return [
        Self.plain(
          "tool_call.failure",
          ["reason": .string(invalid.reason), "metadata": LMStudioV1ChatResult.metadata(invalid)])
      ]
    default: return []
    }
  }

  // MARK: Events

  /// The members of one progress event, or none if this is no progress: producers may repeat themselves, the wire does not.
  private mutating func advance(to progress: Double) -> [JSONObject] {
    let progress = (min(max(progress, 0), 1) * 1000).rounded() / 1000
    guard progress > lastProgress else { return [] }
    lastProgress = progress
    return [["progress": .plain(progress)]]
  }

  private func instance(_ type: String, _ members: JSONObject = [:]) -> ServerSentEvent {
    var all: JSONObject = ["model_instance_id": .string(instanceID)]
    for (key, value) in members { all[key] = value }
    return Self.plain(type, all)
  }

  private func tool(_ type: String, _ members: JSONObject, _ provider: ToolProviderInfo?) -> ServerSentEvent {
    .json(.object(LMStudioV1ChatResult.tagged(type, members, provider)), name: type)
  }

  private static func plain(_ type: String, _ members: JSONObject = [:]) -> ServerSentEvent {
    .json(.object(LMStudioV1ChatResult.tagged(type, members, nil)), name: type)
  }
}
