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
    let sampling = sampling(fields)
    let reasoning = OpenAIReasoning.read(fields)
    let responseFormat = OpenAIResponseFormat.read(fields)
    let templateArguments = fields.object("chat_template_kwargs").map { JSONValue.object($0).serialized() }
    let maxCompletionTokens = fields.integer("max_completion_tokens", from: 1, or: -1)
    let maxTokens = fields.integer("max_tokens", from: 1, or: -1)
    let stop = stopStrings(fields)
    let topLogprobs = topLogprobs(fields)
    let choices = fields.integer("n", from: 1, to: RequestLimits.choices) ?? 1
    let isStreaming = fields.boolean("stream") ?? false
    let includesUsage = fields.reader("stream_options")?.boolean("include_usage") ?? false
    try problems.check()

    let limit = (maxCompletionTokens ?? maxTokens).flatMap { $0 == -1 ? nil : $0 }
    let request = GenerationRequest(
      model: model, input: .chat(try problems.unwrap(messages)), tools: tools.definitions, toolChoice: tools.choice,
      parallelToolCalls: tools.parallel, sampling: sampling, responseFormat: responseFormat, reasoning: reasoning,
      templateArgumentsJSON: templateArguments, maxOutputTokens: limit, stop: stop, topLogprobs: topLogprobs,
      timeToLive: timeToLive(fields))
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

  private static func sampling(_ fields: FieldReader) -> SamplingParameters {
    SamplingParameters(
      temperature: fields.number("temperature", in: 0...2),
      topP: fields.number("top_p", in: 0...1),
      topK: fields.integer("top_k", from: 0),
      minP: fields.number("min_p", in: 0...1),
      repeatPenalty: fields.positiveNumber("repeat_penalty", upTo: 10),
      presencePenalty: fields.number("presence_penalty", in: -2...2),
      frequencyPenalty: fields.number("frequency_penalty", in: -2...2),
      seed: fields.seed("seed"),
      logitBias: logitBias(fields))
  }

  /// Token ids in decimal, with values from -100 to 100.
  private static func logitBias(_ fields: FieldReader) -> [Int32: Double] {
    guard let reader = fields.reader("logit_bias") else { return [:] }
    guard reader.object.count <= RequestLimits.logitBiasEntries else {
      let _: Never? = fields.wrongValue("logit_bias", "must have at most \(RequestLimits.logitBiasEntries) entries")
      return [:]
    }
    var biases: [Int32: Double] = [:]
    for key in reader.object.keys {
      guard let token = Int32(key), token >= 0 else {
        let _: Never? = fields.wrongValue(
          "logit_bias", "has the key '\(FieldReader.shortened(key))', which is no token id")
        return [:]
      }
      biases[token] = reader.number(key, in: -100...100)
    }
    return biases
  }

  /// A string or an array of strings; empty ones say nothing and are dropped.
  private static func stopStrings(_ fields: FieldReader) -> [String] {
    let strings: [String]
    switch fields["stop"] {
    case nil: return []
    case .string(let text): strings = [text]
    case .array: strings = fields.strings("stop", upTo: RequestLimits.stopStrings) ?? []
    case .some(let value):
      let _: Never? = fields.wrongType("stop", "string or array of strings", value)
      return []
    }
    guard strings.allSatisfy({ $0.utf8.count <= RequestLimits.stopStringBytes }) else {
      let _: Never? = fields.wrongValue("stop", "must have strings of at most \(RequestLimits.stopStringBytes) bytes")
      return []
    }
    return strings.filter { !$0.isEmpty }
  }

  private static func topLogprobs(_ fields: FieldReader) -> Int? {
    let isAsked = fields.boolean("logprobs") ?? false
    let count = fields.integer("top_logprobs", from: 0, to: RequestLimits.topLogprobs)
    if count != nil, !isAsked { return fields.wrongValue("top_logprobs", "needs 'logprobs' to be true") }
    return isAsked ? count ?? 0 : nil
  }

  /// LM Studio's `ttl`; what is no usable value is ignored on these routes.
  private static func timeToLive(_ fields: FieldReader) -> TimeToLive? {
    guard let seconds = fields["ttl"]?.integerValue else { return nil }
    if seconds == -1 { return .never }
    return seconds >= 1 && seconds <= Int(Int32.max) ? .seconds(seconds) : nil
  }
}
