import AtelierCore

/// The whole answer (openai.md 7.8) and the objects it shares with the stream.
enum OpenAIChatResult {
  static func body(
    of answers: [Answer], in context: OpenAIChat.Context, extras: OpenAIExtras = .stats
  ) -> JSONValue {
    let first = answers.first?.result ?? GenerationResult()
    let model = JSONValue.string(first.instance.name(askedFor: context.model))
    var body: JSONObject = [
      "id": .string(context.id), "object": "chat.completion", "created": .integer(context.stamp.created),
      "model": model, "system_fingerprint": model,
      "choices": .array(answers.enumerated().map { choice($1, at: $0, in: context) }),
      "usage": usage(of: answers.map(\.result)),
    ]
    extras.add(to: &body, of: first)
    return .object(body)
  }

  private static func choice(_ answer: Answer, at index: Int, in context: OpenAIChat.Context) -> JSONValue {
    [
      "index": .count(index),
      "finish_reason": .string(finishReason(of: answer.result, isLegacy: context.usesLegacyFunctions)),
      "logprobs": context.includesLogprobs ? OpenAILogprobs.value(answer.logprobs) : .null,
      "message": message(of: answer.result, isLegacy: context.usesLegacyFunctions),
    ]
  }

  private static func message(of result: GenerationResult, isLegacy: Bool) -> JSONValue {
    let calls = result.clientCalls
    var message: JSONObject = ["role": "assistant"]
    message["content"] = calls.isEmpty || !result.text.isEmpty ? .string(result.text) : .null
    let reasoning = result.reasoningText
    if !reasoning.isEmpty { message[reasoningKey(of: result.instance)] = .string(reasoning) }
    if isLegacy {
      if let call = calls.first { message["function_call"] = function(call) }
    } else if !calls.isEmpty {
      message["tool_calls"] = .array(
        calls.map { ["id": .string($0.id), "type": "function", "function": function($0)] })
    }
    return .object(message)
  }

  private static func function(_ call: ToolCall) -> JSONValue {
    ["name": .string(call.name), "arguments": .string(call.arguments.isEmpty ? "{}" : call.arguments)]
  }

  /// LM Studio says `reasoning` for gpt-oss and `reasoning_content` for every other family.
  static func reasoningKey(of instance: InstanceSelection?) -> String {
    instance?.architecture == "gpt-oss" ? "reasoning" : "reasoning_content"
  }

  static func finishReason(of result: GenerationResult, isLegacy: Bool) -> String {
    switch result.finishReason {
    case .maxTokens, .contextFull: "length"
    case .endOfText, .stopString, .toolCalls, .userStopped, .modelUnloaded, .failed:
      result.clientCalls.isEmpty ? "stop" : isLegacy ? "function_call" : "tool_calls"
    }
  }

  /// The prompt once, the output of all choices. `samples`: choices per prompt, when there are several prompts.
  static func usage(of results: [GenerationResult], samples: Int? = nil) -> JSONValue {
    let prompts = stride(from: 0, to: results.count, by: max(1, samples ?? results.count)).map { results[$0].usage }
    let input = prompts.reduce(0) { $0 + $1.inputTokens }
    let cached = prompts.reduce(0) { $0 + $1.cachedTokens }
    let output = results.reduce(0) { $0 + $1.usage.outputTokens }
    let reasoning = results.reduce(0) { $0 + $1.usage.reasoningTokens }
    return [
      "prompt_tokens": .count(input), "completion_tokens": .count(output),
      "total_tokens": .count(input + output),
      "prompt_tokens_details": ["cached_tokens": .count(cached)],
      "completion_tokens_details": ["reasoning_tokens": .count(reasoning)],
    ]
  }
}

extension GenerationResult {
  /// The calls the client is to run, in order.
  var clientCalls: [ToolCall] {
    output.compactMap { if case .toolCall(let call) = $0 { call } else { nil } }
  }

  /// All reasoning, in order.
  var reasoningText: String {
    output.compactMap { if case .reasoning(let text) = $0 { text } else { nil } }.joined()
  }
}
