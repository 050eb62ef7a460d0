import AtelierCore

/// The events of a streamed message (anthropic.md 8): `event:` always equals `data.type`, blocks are numbered densely and
/// never overlap.
///
/// `message_start` carries the prompt's counters and so waits for the end of the prompt, but not longer than one interval
/// of silence; then it goes out without them, `message_delta` corrects them, and pings can follow.
package struct AnthropicStreamEncoder: StreamEncoder {
  private enum Block: Equatable {
    case thinking, text
    /// Bytes of the arguments sent so far.
    case toolUse(sent: Int)
  }

  private enum Phase {
    /// Finding or loading the model.
    case waiting
    case prompt
    case message
    case ended
  }

  private let context: AnthropicMessages.Context
  private var phase = Phase.waiting
  private var instance: InstanceSelection?
  /// The block that is open on the wire: opened by the first text in it, as there are no empty blocks.
  private var block: Block?
  /// Of the open block, or of the next.
  private var index = 0

  package init(_ context: AnthropicMessages.Context) { self.context = context }

  package mutating func keepAlive() -> ServerSentEvent? {
    switch phase {
    // The SDKs take no event before `message_start`.
    case .waiting: return .comment("keep-alive")
    case .prompt:
      phase = .message
      return messageStart(PromptUsage(tokens: 0, cachedTokens: 0))
    case .message: return Self.ping
    case .ended: return nil
    }
  }

  package mutating func encode(_ event: GenerationEvent, choice: Int) -> [ServerSentEvent] {
    guard phase != .ended else { return [] }
    switch event {
    case .instanceSelected(let selection):
      instance = selection
      return []
    case .promptStarted:
      if phase == .waiting { phase = .prompt }
      return []
    case .promptFinished(let usage): return begin(usage)
    case .loadStarted, .loadProgress, .loadFinished, .promptProgress, .reasoningStarted, .messageStarted, .toolsListed:
      return []
    case .failed(let error):
      phase = .ended
      return [.json(AnthropicError.body(of: error, requestID: context.stamp.requestID), name: "error")]
    case .finished(let result): return finish(result)
    case .reasoningDelta, .reasoningFinished, .messageDelta, .messageFinished, .toolCallStarted,
      .toolCallArgumentsDelta, .toolCallArguments, .toolCallSucceeded, .toolCallFailed:
      return context.isWarmUp ? [] : content(event)
    }
  }

  // MARK: Beginning and end

  private mutating func begin(_ usage: PromptUsage) -> [ServerSentEvent] {
    guard phase != .message else { return [] }
    phase = .message
    return [messageStart(usage), Self.ping]
  }

  private func messageStart(_ usage: PromptUsage) -> ServerSentEvent {
    let message = AnthropicResult.message(
      in: context, instance: instance, content: [], stopReason: .null, stopSequence: .null,
      usage: .object(AnthropicResult.usage(of: usage)))
    return .json(["type": "message_start", "message": .object(message)], name: "message_start")
  }

  private mutating func finish(_ result: GenerationResult) -> [ServerSentEvent] {
    instance = instance ?? result.instance
    let usage = PromptUsage(tokens: result.usage.inputTokens, cachedTokens: result.usage.cachedTokens)
    let closing = begin(usage) + close()
    phase = .ended
    return closing + [
      .json(
        [
          "type": "message_delta",
          "delta": [
            "stop_reason": .string(AnthropicResult.stopReason(of: result, in: context)),
            "stop_sequence": AnthropicResult.stopSequence(of: result, in: context),
          ], "usage": AnthropicResult.usage(of: result, in: context),
        ], name: "message_delta"),
      .json(["type": "message_stop"], name: "message_stop"),
    ]
  }

  // MARK: Blocks

  private mutating func content(_ event: GenerationEvent) -> [ServerSentEvent] {
    switch event {
    case .reasoningDelta(let text):
      guard !text.isEmpty, context.thinking != .hidden else { return [] }
      let opening = open(.thinking, ["type": "thinking", "thinking": "", "signature": ""])
      guard context.thinking == .shown else { return opening }
      return opening + CollectionOfOne(delta("thinking_delta", "thinking", text))
    case .messageDelta(let text, _):
      guard !text.isEmpty else { return [] }
      return open(.text, ["type": "text", "text": ""]) + CollectionOfOne(delta("text_delta", "text", text))
    case .reasoningFinished, .messageFinished: return close()
    case .toolCallStarted(let head):
      guard head.provider == nil else { return [] }
      return open(
        .toolUse(sent: 0),
        [
          "type": "tool_use", "id": .string(AnthropicResult.toolUseID(head.id)), "name": .string(head.name),
          "input": [:],
        ]) + CollectionOfOne(delta("input_json_delta", "partial_json", ""))
    case .toolCallArgumentsDelta(let text): return arguments(text)
    case .toolCallArguments(let call, provider: nil):
      guard case .toolUse(let sent) = block else { return [] }
      // What the deltas left out: everything, for producers that know a call only when it is whole.
      let whole = call.arguments.isEmpty ? "{}" : call.arguments
      return arguments(String(decoding: whole.utf8.dropFirst(sent), as: UTF8.self)) + close()
    case .toolCallFailed: return close()
    default: return []
    }
  }

  private mutating func arguments(_ text: String) -> [ServerSentEvent] {
    guard case .toolUse(let sent) = block, !text.isEmpty else { return [] }
    block = .toolUse(sent: sent + text.utf8.count)
    return [delta("input_json_delta", "partial_json", text)]
  }

  private mutating func open(_ kind: Block, _ content: JSONValue) -> [ServerSentEvent] {
    guard block != kind else { return [] }
    let closing = close()
    block = kind
    return closing + [
      .json(
        ["type": "content_block_start", "index": .count(index), "content_block": content], name: "content_block_start")
    ]
  }

  private mutating func close() -> [ServerSentEvent] {
    guard let block else { return [] }
    self.block = nil
    let stop = ServerSentEvent.json(
      ["type": "content_block_stop", "index": .count(index)], name: "content_block_stop")
    defer { index += 1 }
    return block == .thinking ? [delta("signature_delta", "signature", context.signature), stop] : [stop]
  }

  /// A delta is one string: the path every token takes.
  private func delta(_ type: String, _ key: String, _ text: String) -> ServerSentEvent {
    var data: [UInt8] = []
    data.reserveCapacity(text.utf8.count + 112)
    data.append(contentsOf: #"{"type":"content_block_delta","index":"#.utf8)
    JSONWriter.appendInteger(Int64(index), to: &data)
    data.append(contentsOf: #","delta":{"type":""#.utf8)
    data.append(contentsOf: type.utf8)
    data.append(contentsOf: #"",""#.utf8)
    data.append(contentsOf: key.utf8)
    data.append(contentsOf: #"":"#.utf8)
    JSONWriter.appendString(text, to: &data)
    data.append(contentsOf: "}}".utf8)
    return .event(name: "content_block_delta", data: data)
  }

  private static let ping = ServerSentEvent.json(["type": "ping"], name: "ping")
}
