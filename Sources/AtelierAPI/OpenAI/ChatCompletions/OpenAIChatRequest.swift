import AtelierCore

/// The request's fields, their ranges and defaults: openai.md 7.1. Unknown fields are ignored.
enum OpenAIChatRequest {
  static func decode(_ body: JSONValue, stamp: ResponseStamp) throws(AtelierError) -> DecodedRequest<OpenAIChat.Context>
  {
    let problems = RequestProblems()
    let fields = try FieldReader(body: body, problems: problems)
    refuseUnsupported(fields)

    let model = fields.string("model") ?? ""
    let messages = OpenAIMessages.read(fields)
    let tools = OpenAITools.read(fields)
    let sampling = OpenAISampling.parameters(fields)
    let reasoning = OpenAIReasoning.read(fields)
    let responseFormat = OpenAIResponseFormat.read(fields)
    let templateArguments = fields.object("chat_template_kwargs").map { JSONValue.object($0).serialized() }
    let maxCompletionTokens = fields.integer("max_completion_tokens", from: 1, or: -1)
    let maxTokens = fields.integer("max_tokens", from: 1, or: -1)
    let stop = OpenAISampling.stopStrings(fields)
    let topLogprobs = topLogprobs(fields)
    let choices = fields.integer("n", from: 1, to: RequestLimits.choices) ?? 1
    let isStreaming = fields.boolean("stream") ?? false
    let draftModel = fields.draftModel()
    let includesUsage = fields.reader("stream_options")?.boolean("include_usage") ?? false
    try problems.check()

    let limit = (maxCompletionTokens ?? maxTokens).flatMap { $0 == -1 ? nil : $0 }
    let request = GenerationRequest(
      model: model, input: .chat(try problems.unwrap(messages)), tools: tools.definitions, toolChoice: tools.choice,
      parallelToolCalls: tools.parallel, sampling: sampling, responseFormat: responseFormat, reasoning: reasoning,
      reasoningIsHint: true,
      templateArgumentsJSON: templateArguments, maxOutputTokens: limit, stop: stop, topLogprobs: topLogprobs,
      timeToLive: fields.lenientTimeToLive(), draftModel: draftModel)
    let context = OpenAIChat.Context(
      isStreaming: isStreaming, choices: choices, model: model, includesUsage: isStreaming && includesUsage,
      usesLegacyFunctions: tools.isLegacy, includesLogprobs: topLogprobs != nil, stamp: stamp)
    return DecodedRequest(request: request, context: context)
  }

  /// Asking for output that cannot be made is an error, not something to leave out silently.
  private static func refuseUnsupported(_ fields: FieldReader) {
    for key in ["audio", "web_search_options"] where fields.has(key) {
      fields.problems.add(.unsupportedParameter, "'\(key)' is not supported", param: key)
    }
    if let modalities = fields["modalities"], modalities != ["text"] {
      fields.problems.add(.unsupportedParameter, "'modalities' can only be [\"text\"]", param: "modalities")
    }
  }

  private static func topLogprobs(_ fields: FieldReader) -> Int? {
    let isAsked = fields.boolean("logprobs") ?? false
    let count = fields.integer("top_logprobs", from: 0, to: RequestLimits.topLogprobs)
    if count != nil, !isAsked { return fields.wrongValue("top_logprobs", "needs 'logprobs' to be true") }
    return isAsked ? count ?? 0 : nil
  }
}
