import AtelierCore

/// The whole answer (anthropic.md 7) and the objects it shares with the stream.
enum AnthropicResult {
  static func body(of result: GenerationResult, in context: AnthropicMessages.Context) -> JSONValue {
    .object(
      message(
        in: context, instance: result.instance,
        content: context.isWarmUp
          ? []
          : result.output.compactMap {
            block($0, of: result, in: context)
          }, stopReason: .string(stopReason(of: result, in: context)),
        stopSequence: stopSequence(of: result, in: context),
        usage: usage(of: result, in: context)))
  }

  /// The message object, also of `message_start`, where it is still empty.
  static func message(
    in context: AnthropicMessages.Context, instance: InstanceSelection?, content: [JSONValue], stopReason: JSONValue,
    stopSequence: JSONValue, usage: JSONValue
  ) -> JSONObject {
    [
      "id": .string(context.id), "type": "message", "role": "assistant",
      "model": .string(context.model.isEmpty ? instance?.modelKey ?? "" : context.model), "content": .array(content),
      "stop_reason": stopReason, "stop_sequence": stopSequence, "usage": usage,
    ]
  }

  /// nil for what is not shown: empty texts, hidden thinking, and calls that this API cannot have asked for.
  private static func block(
    _ item: OutputItem, of result: GenerationResult, in context: AnthropicMessages.Context
  ) -> JSONValue? {
    switch item {
    case .reasoning(let text):
      guard context.thinking != .hidden, !text.isEmpty else { return nil }
      return [
        "type": "thinking", "thinking": .string(context.thinking == .shown ? text : ""),
        "signature": .string(context.signature),
      ]
    case .message(""): return nil
    case .message(let text): return ["type": "text", "text": .string(text)]
    case .toolCall(let call):
      guard !isCut(call, in: result) else { return nil }
      return [
        "type": "tool_use", "id": .string(toolUseID(call.id)), "name": .string(call.name),
        "input": .object(text: call.arguments),
      ]
    case .executedToolCall, .invalidToolCall, .toolListing: return nil
    }
  }

  /// The limit came before the end of the call's arguments, so they are no JSON.
  private static func isCut(_ call: ToolCall, in result: GenerationResult) -> Bool {
    guard isLimited(result), !call.arguments.isEmpty else { return false }
    return (try? JSONValue(parsing: call.arguments))?.objectValue == nil
  }

  private static func isLimited(_ result: GenerationResult) -> Bool {
    result.finishReason == .maxTokens || result.finishReason == .contextFull
  }

  /// Anthropic's form of an id that is unique already.
  static func toolUseID(_ id: String) -> String {
    "toolu_" + (id.hasPrefix("call_") ? id.dropFirst("call_".count) : id[...])
  }

  static func stopReason(of result: GenerationResult, in context: AnthropicMessages.Context) -> String {
    if context.isWarmUp || isLimited(result) { return "max_tokens" }
    if !result.clientCalls.isEmpty { return "tool_use" }
    return result.finishReason == .stopString ? "stop_sequence" : "end_turn"
  }

  static func stopSequence(of result: GenerationResult, in context: AnthropicMessages.Context) -> JSONValue {
    stopReason(of: result, in: context) == "stop_sequence" ? .text(result.matchedStop) : .null
  }

  static func usage(of result: GenerationResult, in context: AnthropicMessages.Context) -> JSONValue {
    var usage = usage(of: PromptUsage(tokens: result.usage.inputTokens, cachedTokens: result.usage.cachedTokens))
    guard !context.isWarmUp else { return .object(usage) }
    usage["output_tokens"] = .count(result.usage.outputTokens)
    if result.usage.reasoningTokens > 0 {
      usage["output_tokens_details"] = ["thinking_tokens": .count(result.usage.reasoningTokens)]
    }
    return .object(usage)
  }

  /// Nothing generated yet. Clients size their context by the sum of the three input counters.
  static func usage(of prompt: PromptUsage) -> JSONObject {
    [
      "input_tokens": .count(max(0, prompt.tokens - prompt.cachedTokens)), "cache_creation_input_tokens": 0,
      "cache_read_input_tokens": .count(prompt.cachedTokens), "output_tokens": 0,
    ]
  }
}
