import AtelierCore

/// The request's fields, their ranges and defaults: openai.md 8. Unknown fields are ignored.
enum OpenAICompletionRequest {
  static func decode(
    _ body: JSONValue, stamp: ResponseStamp
  ) throws(AtelierError) -> DecodedRequest<OpenAICompletions.Context> {
    let problems = RequestProblems()
    let fields = try FieldReader(body: body, problems: problems)
    refuseUnsupported(fields)

    let model = fields.string("model") ?? ""
    let samples = fields.integer("n", from: 1, to: RequestLimits.choices) ?? 1
    let prompts =
      fields.has("prompt")
      ? OpenAITextInputs.read(fields, "prompt", upTo: RequestLimits.completions) : [.text("")]
    let sampling = OpenAISampling.parameters(fields)
    let stop = OpenAISampling.stopStrings(fields)
    let echo = fields.boolean("echo") ?? false
    // Who wants to see the prompt only, with its probabilities, asks for no tokens.
    let maxTokens = fields.integer("max_tokens", from: echo ? 0 : 1, or: -1)
    let suffix = suffix(fields, prompts ?? [])
    let topLogprobs = fields.integer("logprobs", from: 0, to: 5)
    let isStreaming = fields.boolean("stream") ?? false
    let draftModel = fields.draftModel()
    let includesUsage = fields.reader("stream_options")?.boolean("include_usage") ?? false
    refuseBestOf(fields, samples)
    if echo, topLogprobs != nil, suffix != nil {
      fields.problems.add(
        .unsupportedParameter, "'echo' with 'logprobs' cannot be combined with 'suffix'", param: "suffix")
    }
    if let prompts, prompts.count * samples > RequestLimits.completions {
      let _: Never? = fields.wrongValue(
        "prompt", "with 'n' asks for more than \(RequestLimits.completions) completions")
    }
    try problems.check()

    let inputs = try problems.unwrap(prompts).map { $0.generationInput(suffix: suffix) }
    var request = GenerationRequest(
      model: model, input: inputs[0], sampling: sampling, maxOutputTokens: maxTokens == -1 ? nil : maxTokens,
      stop: stop, topLogprobs: topLogprobs, timeToLive: fields.lenientTimeToLive(),
      draftModel: draftModel)
    let context = OpenAICompletions.Context(
      isStreaming: isStreaming, choices: inputs.count * samples, samples: samples, model: model,
      includesUsage: isStreaming && includesUsage, echoes: echo ? inputs.map(\.echo) : [], topLogprobs: topLogprobs,
      stamp: stamp)
    request.scoresPrompt = context.scoresPrompt
    return DecodedRequest(request: request, context: context, inputs: inputs)
  }

  private static func refuseUnsupported(_ fields: FieldReader) {
    if fields.has("messages") {
      fields.problems.add(
        .unsupportedParameter, "'messages' belongs to POST /v1/chat/completions; this endpoint takes 'prompt'",
        param: "messages")
    }
    if fields.has("tools") {
      fields.problems.add(
        .unsupportedParameter, "'tools' is not supported here; use POST /v1/chat/completions", param: "tools")
    }
  }

  /// What comes after the completion; nil for nothing. Whether the model can fill in is decided where the model is known.
  private static func suffix(_ fields: FieldReader, _ prompts: [EmbeddingRequest.Input]) -> String? {
    guard let suffix = fields.string("suffix"), !suffix.isEmpty else { return nil }
    guard prompts.allSatisfy({ if case .text = $0 { true } else { false } }) else {
      fields.problems.add(.unsupportedParameter, "'suffix' needs prompts given as text", param: "suffix")
      return nil
    }
    return suffix
  }

  /// Generating more than is returned, to pick the best, is not offered.
  private static func refuseBestOf(_ fields: FieldReader, _ samples: Int) {
    guard let best = fields.integer("best_of", from: 1), best != samples else { return }
    fields.problems.add(.unsupportedParameter, "'best_of' can only be equal to 'n'", param: "best_of")
  }
}

extension EmbeddingRequest.Input {
  fileprivate func generationInput(suffix: String?) -> GenerationInput {
    switch self {
    case .text(let text): suffix.map { .infill(prefix: text, suffix: $0) } ?? .text(text)
    case .tokens(let tokens): .tokens(tokens)
    }
  }
}

extension GenerationInput {
  fileprivate var echo: OpenAIEcho {
    switch self {
    case .text(let text), .infill(prefix: let text, suffix: _): .text(text)
    case .tokens, .chat: .tokens
    }
  }
}
