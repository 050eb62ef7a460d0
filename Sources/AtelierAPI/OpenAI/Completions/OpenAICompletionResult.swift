import AtelierCore

/// The whole answer of a plain completion (openai.md 8).
enum OpenAICompletionResult {
  static func body(
    of answers: [Answer], in context: OpenAICompletions.Context, extras: OpenAIExtras = .stats
  ) -> JSONValue {
    let first = answers.first?.result ?? GenerationResult()
    let model = JSONValue.string(first.instance.name(askedFor: context.model))
    var body: JSONObject = [
      "id": .string(context.id), "object": "text_completion", "created": .integer(context.stamp.created),
      "model": model, "system_fingerprint": model,
      "choices": .array(answers.enumerated().map { choice($1, at: $0, in: context) }),
      "usage": OpenAIChatResult.usage(of: answers.map(\.result), samples: context.samples),
    ]
    extras.add(to: &body, of: first)
    return .object(body)
  }

  private static func choice(_ answer: Answer, at index: Int, in context: OpenAICompletions.Context) -> JSONValue {
    var logprobs = OpenAITextLogprobs(context)
    let echo = context.echo(index)?.text(answer.promptScores) ?? ""
    let shown = logprobs.value(answer.logprobs, after: echo, context.echo(index) == nil ? nil : answer.promptScores)
    return [
      "index": .count(index), "text": .string(echo + answer.result.text), "logprobs": shown ?? .null,
      "finish_reason": finishReason(of: answer.result),
    ]
  }

  static func finishReason(of result: GenerationResult) -> JSONValue {
    result.finishReason == .maxTokens || result.finishReason == .contextFull ? "length" : "stop"
  }
}
