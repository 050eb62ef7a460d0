import AtelierCore

/// The request's fields, their ranges and defaults: native.md 4.1. A closed schema.
enum LMStudioV1ChatRequest {
  private static let keys: Set<String> = [
    "model", "input", "system_prompt", "integrations", "stream", "temperature", "top_p", "top_k", "min_p",
    "repeat_penalty", "max_output_tokens", "reasoning", "context_length", "store", "previous_response_id", "ttl",
    "presence_penalty", "frequency_penalty", "seed",
  ]

  private static let reasoningSettings: KeyValuePairs<String, ReasoningSetting> = [
    "off": .off, "low": .low, "medium": .medium, "high": .high, "on": .on, "xhigh": .xhigh,
  ]

  static func decode(_ body: JSONValue) throws(AtelierError) -> DecodedRequest<LMStudioV1Chat.Context> {
    let problems = RequestProblems()
    let fields = try FieldReader(body: body, problems: problems)
    fields.refuseKeys(notIn: keys)

    let model = fields.required("model", fields.name)
    let input = fields.required("input") { _ in LMStudioV1ChatInput.parts(of: fields) }
    let systemPrompt = fields.string("system_prompt")
    let integrations = LMStudioV1Integrations.read(fields)
    let isStreaming = fields.boolean("stream")
    let sampling = SamplingParameters(
      temperature: fields.number("temperature", in: 0...2),
      topP: fields.number("top_p", in: 0...1),
      topK: fields.integer("top_k", from: -1),
      minP: fields.number("min_p", in: 0...1),
      repeatPenalty: fields.positiveNumber("repeat_penalty", upTo: 10),
      presencePenalty: fields.number("presence_penalty", in: -2...2),
      frequencyPenalty: fields.number("frequency_penalty", in: -2...2),
      seed: fields.seed("seed"))
    let maxOutputTokens = fields.integer("max_output_tokens", from: 1, or: -1)
    let reasoning = fields.word("reasoning", of: reasoningSettings)
    let contextLength = fields.integer("context_length", from: 1)
    let store = fields.boolean("store")
    let previousResponseID = responseID(fields)
    let timeToLive = timeToLive(fields)
    try problems.check()

    let request = GenerationRequest(
      model: try problems.unwrap(model),
      input: .chat([Message(role: .user, content: try problems.unwrap(input))]),
      systemPrompt: systemPrompt, previousResponseID: previousResponseID, store: store ?? true, sampling: sampling,
      reasoning: reasoning, maxOutputTokens: maxOutputTokens == -1 ? nil : maxOutputTokens,
      contextLength: contextLength, timeToLive: timeToLive, integrations: integrations)
    return DecodedRequest(request: request, context: LMStudioV1Chat.Context(isStreaming: isStreaming ?? false))
  }

  /// Seconds, or -1 for never.
  static func timeToLive(_ fields: FieldReader) -> TimeToLive? {
    fields.integer("ttl", from: 1, or: -1).map { $0 == -1 ? .never : .seconds($0) }
  }

  private static func responseID(_ fields: FieldReader) -> String? {
    guard let id = fields.string("previous_response_id") else { return nil }
    guard id.hasPrefix(ResponseID.prefix), id.utf8.count <= 261 else {
      return fields.wrongValue("previous_response_id", "must be the response_id of an earlier answer (resp_…)")
    }
    return id
  }
}
