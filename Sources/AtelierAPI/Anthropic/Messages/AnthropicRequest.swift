import AtelierCore

/// The request's fields, their ranges and defaults: anthropic.md 3. Unknown fields are ignored.
enum AnthropicRequest {
  private static let efforts: KeyValuePairs<String, ReasoningSetting> = [
    "low": .low, "medium": .medium, "high": .high, "xhigh": .xhigh, "max": .max,
  ]

  /// `isCounting`: nothing will be generated, so `max_tokens` does not matter.
  static func decode(
    _ body: JSONValue, stamp: ResponseStamp, isCounting: Bool
  ) throws(AtelierError) -> DecodedRequest<AnthropicMessages.Context> {
    let problems = RequestProblems(wording: .dotted)
    let fields = try FieldReader(body: body, problems: problems)
    refuseUnsupported(fields)

    let model = fields.string("model") ?? ""
    let maxTokens = isCounting ? 1 : fields.required("max_tokens") { fields.integer($0, from: 0) }
    let messages = AnthropicConversation.read(fields)
    let tools = AnthropicTools.read(fields)
    let thinking = thinking(fields)
    let budget = fields.reader("thinking")?.integer("budget_tokens", from: 0)
    let effort = fields.reader("output_config")?.word("effort", of: efforts)
    let format = responseFormat(fields)
    let stop = stopSequences(fields)
    let sampling = SamplingParameters(
      temperature: fields.number("temperature", in: 0...2),
      topP: fields.number("top_p", in: 0...1),
      topK: fields.integer("top_k", from: 0, or: -1),
      minP: fields.number("min_p", in: 0...1),
      repeatPenalty: fields.positiveNumber("repeat_penalty", upTo: 10),
      seed: fields.seed("seed"))
    let isStreaming = fields.boolean("stream") ?? false
    let draftModel = fields.draftModel()
    try problems.check()

    // A forced call leaves no room for thinking before it.
    let thinks = thinking != .hidden && !tools.forcesCall
    let limit = try problems.unwrap(maxTokens)
    let request = GenerationRequest(
      model: model, input: .chat(try problems.unwrap(messages)), tools: tools.definitions, toolChoice: tools.choice,
      parallelToolCalls: tools.parallel, sampling: sampling, responseFormat: format,
      reasoning: thinks ? effort ?? .on : .off, reasoningIsHint: true, maxOutputTokens: max(1, limit), stop: stop,
      timeToLive: fields.lenientTimeToLive(), reasoningBudget: thinks ? budget : nil,
      draftModel: draftModel)
    let context = AnthropicMessages.Context(
      isStreaming: isStreaming, model: model, thinking: thinking, isWarmUp: limit == 0, stamp: stamp)
    return DecodedRequest(request: request, context: context)
  }

  private static func refuseUnsupported(_ fields: FieldReader) {
    guard let servers = fields["mcp_servers"], servers != [] else { return }
    fields.problems.add(
      .unsupportedParameter, "mcp_servers: not offered by this endpoint; use MCP tools with POST /v1/responses",
      param: "mcp_servers")
  }

  /// Absent means off: common client code takes the first block for the answer's text.
  private static func thinking(_ fields: FieldReader) -> AnthropicMessages.Context.Thinking {
    guard let thinking = fields.reader("thinking") else { return .hidden }
    let isOn = thinking.required("type") {
      thinking.word($0, of: ["enabled": true, "adaptive": true, "between_tools": true, "disabled": false])
    }
    guard isOn == true else { return .hidden }
    return thinking["display"] == "omitted" ? .omitted : .shown
  }

  private static func responseFormat(_ fields: FieldReader) -> ResponseFormat {
    // The older beta had the member on the top level.
    guard let format = fields.reader("output_config")?.reader("format") ?? fields.reader("output_format") else {
      return .text
    }
    switch format.required("type", format.string) {
    case nil: return .text
    case "json_schema":
      return format.object("schema").map { .jsonSchema(JSONValue.object($0).serialized()) } ?? .jsonObject
    default:
      let _: Never? = format.wrongValue("type", "must be 'json_schema'")
      return .text
    }
  }

  private static func stopSequences(_ fields: FieldReader) -> [String] {
    guard let strings = fields.strings("stop_sequences", upTo: RequestLimits.stopStrings) else { return [] }
    guard strings.allSatisfy({ (1...RequestLimits.stopStringBytes).contains($0.utf8.count) }) else {
      let _: Never? = fields.wrongValue(
        "stop_sequences", "must have strings of 1 to \(RequestLimits.stopStringBytes) bytes")
      return []
    }
    return strings
  }
}
