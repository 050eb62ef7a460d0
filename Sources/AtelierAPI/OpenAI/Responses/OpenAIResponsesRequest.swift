import AtelierCore

/// The request's fields, their ranges and defaults: openai.md 10.1. Unknown fields are ignored.
enum OpenAIResponsesRequest {
  static func decode(
    _ body: JSONValue, stamp: ResponseStamp
  ) throws(AtelierError) -> DecodedRequest<OpenAIResponses.Context> {
    let problems = RequestProblems()
    let fields = try FieldReader(body: body, problems: problems)
    refuseUnsupported(fields)

    let model = fields.string("model") ?? ""
    let instructions = fields.string("instructions")
    let input = OpenAIResponsesInput.read(fields, seal: stamp.seal)
    let tools = OpenAIResponsesTools.read(fields, additional: input.additionalTools)
    let sampling = OpenAISampling.parameters(fields)
    let stop = OpenAISampling.stopStrings(fields)
    let reasoning = OpenAIReasoning.read(fields)
    let format = OpenAIResponsesFormat.read(fields)
    let include = Set(fields.strings("include", upTo: 64) ?? [])
    let topLogprobs = include.contains("message.output_text.logprobs") ? topLogprobs(fields) : nil
    let maxOutputTokens = fields.integer("max_output_tokens", from: 1)
    let maxToolCalls = fields.integer("max_tool_calls", from: 1)
    let dropsOldTurns = fields.word("truncation", of: ["disabled": false, "auto": true]) ?? false
    let store = fields.boolean("store") ?? true
    let previous = previousResponseID(fields)
    let metadata = fields.object("metadata")
    let isStreaming = fields.boolean("stream") ?? false
    let draftModel = fields.draftModel()
    try problems.check()

    let settings: JSONObject = [
      "instructions": .text(instructions), "max_output_tokens": maxOutputTokens.map(JSONValue.count) ?? .null,
      "max_tool_calls": maxToolCalls.map(JSONValue.count) ?? .null, "metadata": .object(metadata ?? [:]),
      "parallel_tool_calls": .bool(tools.parallel), "previous_response_id": .text(previous),
      "reasoning": [
        "effort": .text(fields["reasoning"]?["effort"]?.stringValue ?? fields["reasoning_effort"]?.stringValue),
        "summary": .text(fields["reasoning"]?["summary"]?.stringValue),
      ], "store": .bool(store),
      "temperature": .plain(sampling.temperature ?? SamplingParameters.builtIn.temperature ?? 1),
      "text": ["format": format.echo], "tool_choice": fields["tool_choice"] ?? "auto", "tools": .array(tools.echo),
      "top_p": .plain(sampling.topP ?? SamplingParameters.builtIn.topP ?? 1),
      "truncation": dropsOldTurns ? "auto" : "disabled", "user": .text(fields["user"]?.stringValue),
    ]
    let context = OpenAIResponses.Context(
      isStreaming: isStreaming, model: model, settings: settings, forms: tools.forms,
      sealsReasoning: include.contains("reasoning.encrypted_content"), stamp: stamp)
    var request = GenerationRequest(
      model: model, input: .chat(input.messages), systemPrompt: instructions, previousResponseID: previous,
      store: store,
      tools: tools.definitions, toolChoice: tools.choice, parallelToolCalls: tools.parallel, sampling: sampling,
      responseFormat: format.format, reasoning: reasoning, reasoningIsHint: true, maxOutputTokens: maxOutputTokens,
      stop: stop, topLogprobs: topLogprobs, timeToLive: fields.lenientTimeToLive(), integrations: tools.servers,
      inheritsSystemPrompt: false, responseID: stamp.responseID,
      record: store ? OpenAIResponsesRecord(context, customOutputs: input.customOutputs).text : nil,
      dropsOldTurns: dropsOldTurns, draftModel: draftModel)
    if !tools.servers.isEmpty {
      request.servedTools.listsTools = true
      request.servedTools.separator = "__"
      request.servedTools.maxCalls = maxToolCalls
      request.servedTools.choice = tools.servedChoice
    }
    return DecodedRequest(request: request, context: context)
  }

  /// Asking for what cannot be done is an error, not something to leave out silently.
  private static func refuseUnsupported(_ fields: FieldReader) {
    for key in ["conversation", "prompt"] where fields.has(key) {
      fields.problems.add(.unsupportedParameter, "'\(key)' is not supported", param: key)
    }
    if fields["background"] == true {
      fields.problems.add(
        .unsupportedParameter, "'background' is not supported: answers are made while the client waits",
        param: "background")
    }
  }

  private static func topLogprobs(_ fields: FieldReader) -> Int {
    fields.integer("top_logprobs", from: 0, to: RequestLimits.topLogprobs) ?? 0
  }

  /// An id of another form is one that does not exist.
  private static func previousResponseID(_ fields: FieldReader) -> String? {
    guard let id = fields.string("previous_response_id") else { return nil }
    guard id.hasPrefix(ResponseID.prefix), id.utf8.count <= 261 else {
      fields.problems.add(
        .previousResponseNotFound, "Previous response with id '\(FieldReader.shortened(id))' not found.",
        param: "previous_response_id")
      return nil
    }
    return id
  }
}
