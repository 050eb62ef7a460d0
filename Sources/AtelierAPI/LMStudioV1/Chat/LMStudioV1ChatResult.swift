import AtelierCore

/// The answer's body (native.md 4.7 to 4.9): exactly the documented keys, because strict clients compare shapes.
enum LMStudioV1ChatResult {
  /// `instanceID` names the instance when the result does not; `failed` keeps an empty output empty.
  static func body(of result: GenerationResult, instanceID: String?, failed: Bool) -> JSONValue {
    var items = result.output.compactMap(item)
    if items.isEmpty, !failed { items = [["type": "message", "content": ""]] }
    var body: JSONObject = [
      "model_instance_id": .string(result.instance?.instanceID ?? instanceID ?? ""),
      "output": .array(items),
      "stats": stats(of: result),
    ]
    if let id = result.responseID, !failed { body["response_id"] = .string(id) }
    return .object(body)
  }

  private static func stats(of result: GenerationResult) -> JSONValue {
    let usage = result.usage
    var stats: JSONObject = [
      "input_tokens": .count(usage.inputTokens),
      "total_output_tokens": .count(usage.outputTokens),
      "reasoning_output_tokens": .count(usage.reasoningTokens),
      "tokens_per_second": .measure(result.tokensPerSecond),
      "time_to_first_token_seconds": .measure(result.timings.timeToFirstToken),
    ]
    if let seconds = result.timings.modelLoad { stats["model_load_time_seconds"] = .measure(seconds) }
    return .object(stats)
  }

  /// nil for blocks without text, and for calls meant for the client, which this API cannot ask for.
  private static func item(_ item: OutputItem) -> JSONValue? {
    switch item {
    case .reasoning(""), .message(""), .toolCall, .toolListing: nil
    case .reasoning(let text): ["type": "reasoning", "content": .string(text)]
    case .message(let text): ["type": "message", "content": .string(text)]
    case .executedToolCall(let call, let provider, let output, _):
      .object(
        tagged(
          "tool_call",
          [
            "tool": .string(call.name), "arguments": .object(text: call.arguments), "output": .string(output),
          ], provider))
    case .invalidToolCall(let invalid):
      ["type": "invalid_tool_call", "reason": .string(invalid.reason), "metadata": metadata(invalid)]
    }
  }

  /// What `invalid_tool_call` items and `tool_call.failure` events say of the call.
  static func metadata(_ invalid: InvalidToolCall) -> JSONValue {
    var metadata: JSONObject = ["type": .string(invalid.kind.rawValue), "tool_name": .string(invalid.toolName)]
    if invalid.kind == .arguments {
      if let arguments = invalid.arguments { metadata["arguments"] = .object(text: arguments) }
      if let provider = invalid.provider { metadata["provider_info"] = provider.json }
    }
    return .object(metadata)
  }

  /// `type`, the members, then `provider_info` if there is a provider.
  static func tagged(_ type: String, _ members: JSONObject, _ provider: ToolProviderInfo?) -> JSONObject {
    var object: JSONObject = ["type": .string(type)]
    for (key, value) in members { object[key] = value }
    if let provider { object["provider_info"] = provider.json }
    return object
  }
}

extension ToolProviderInfo {
  var json: JSONValue {
    switch self {
    case .plugin(let id): ["type": "plugin", "plugin_id": .string(id)]
    case .ephemeral(let label): ["type": "ephemeral_mcp", "server_label": .string(label)]
    }
  }
}
