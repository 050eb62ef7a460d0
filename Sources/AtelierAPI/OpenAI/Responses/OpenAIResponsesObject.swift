import AtelierCore

/// The response object (openai.md 10.4): the whole answer, and what the lifecycle events of a stream carry.
enum OpenAIResponsesObject {
  enum Status: String { case inProgress = "in_progress", completed, incomplete, failed, cancelled }

  static func whole(_ answer: Answer, in context: OpenAIResponses.Context) -> JSONValue {
    let result = answer.result
    let status = status(of: result.finishReason)
    return value(
      in: context, model: result.instance.name(askedFor: context.model), status: status,
      output: context.items.output(result.output, answer.messageLogprobs, isCut: status != .completed),
      result: result)
  }

  /// `result` nil: the answer is not there yet, or failed with `error`.
  static func value(
    in context: OpenAIResponses.Context, model: String, status: Status, output: [JSONValue],
    result: GenerationResult? = nil, error: AtelierError? = nil
  ) -> JSONValue {
    let completed = result.map { $0.completedAt.map { $0 / 1000 } ?? context.stamp.created }
    var object: JSONObject = [
      "id": .string(context.stamp.responseID), "object": "response", "created_at": .integer(context.stamp.created),
      "completed_at": status == .completed ? completed.map(JSONValue.integer) ?? .null : .null,
      "status": .string(status.rawValue), "error": error.map(self.error) ?? .null,
      "incomplete_details": status == .incomplete ? ["reason": "max_output_tokens"] : .null, "model": .string(model),
      "output": .array(output),
    ]
    for (key, value) in context.settings { object[key] = value }
    object["usage"] = result.map { usage(of: $0.usage) } ?? .null
    return .object(object)
  }

  static func status(of reason: FinishReason) -> Status {
    switch reason {
    case .endOfText, .stopString, .toolCalls: .completed
    case .maxTokens, .contextFull: .incomplete
    case .userStopped: .cancelled
    case .modelUnloaded, .failed: .failed
    }
  }

  /// Every counter is there, because Codex takes a missing one for a broken answer.
  private static func usage(of usage: GenerationUsage) -> JSONValue {
    [
      "input_tokens": .count(usage.inputTokens),
      "input_tokens_details": ["cached_tokens": .count(usage.cachedTokens), "cache_write_tokens": 0],
      "output_tokens": .count(usage.outputTokens),
      "output_tokens_details": ["reasoning_tokens": .count(usage.reasoningTokens)],
      "total_tokens": .count(usage.inputTokens + usage.outputTokens),
    ]
  }

  /// `error` of a failed response (openai.md 10.7). Codex tries again after a code it does not know, so what would fail
  /// again has the one that it knows for that.
  private static func error(_ error: AtelierError) -> JSONValue {
    let wire = OpenAIError.object(error, inputField: "input")
    let code: JSONValue =
      switch error.code {
      case .contextLengthExceeded: "context_length_exceeded"
      case .serverBusy: "rate_limit_exceeded"
      case .shuttingDown, .modelUnloaded: "server_is_overloaded"
      default: wire["type"] == "invalid_request_error" ? "invalid_prompt" : "server_error"
      }
    return ["code": code, "message": wire["message"] ?? ""]
  }
}
