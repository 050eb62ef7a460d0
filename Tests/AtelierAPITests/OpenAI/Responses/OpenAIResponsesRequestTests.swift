import AtelierAPI
import AtelierCore
import Foundation
import Testing

struct OpenAIResponsesRequestTests {
  private let minimal: JSONValue = ["model": "m", "input": "Hello"]
  private let stamp = ResponseStamp(created: 1, token: "abc", responseID: "resp_ab", seal: ReasoningSeal(key: [1]))

  private func decode(_ body: JSONValue) throws(AtelierError) -> DecodedRequest<OpenAIResponses.Context> {
    try OpenAIResponses.decode(body, stamp: stamp)
  }

  private func request(_ changes: KeyValuePairs<String, JSONValue?>) throws(AtelierError) -> GenerationRequest {
    try decode(minimal.with(changes)).request
  }

  private func settings(_ changes: KeyValuePairs<String, JSONValue?>) throws(AtelierError) -> JSONObject {
    try decode(minimal.with(changes)).context.settings
  }

  @Test func minimalRequestHasTheDocumentedDefaults() throws {
    var decoded = try decode(minimal)
    #expect(decoded.request.record != nil)
    decoded.request.record = nil
    #expect(
      decoded.request
        == GenerationRequest(
          model: "m", input: .chat([Message(.user, "Hello")]), store: true, reasoningIsHint: true,
          inheritsSystemPrompt: false, responseID: "resp_ab"))
    #expect(!decoded.context.isStreaming && decoded.context.model == "m" && decoded.context.choices == 1)
    #expect(decoded.context.cancellationID == "resp_ab")
    #expect(try decode(minimal.with(["model": nil])).request.model == "")
  }

  /// Codex warms a model up with an empty text.
  @Test(arguments: [JSONValue.string(""), .null, []]) func anEmptyInputIsAnEmptyTurn(input: JSONValue) throws {
    let request = try request(["input": input, "max_output_tokens": 1])
    #expect(request.input == .chat([Message(.user, "")]) && request.maxOutputTokens == 1)
  }

  @Test func everyFieldIsRead() throws {
    let request = try request([
      "instructions": "Be brief.", "previous_response_id": "resp_1", "store": false, "temperature": 2, "top_p": 0.5,
      "top_k": 0, "min_p": 0.1, "repeat_penalty": 1.5, "presence_penalty": 1, "frequency_penalty": -1, "seed": 3,
      "logit_bias": ["12": -100], "stop": "END", "ttl": 30, "reasoning": ["effort": "high", "summary": "auto"],
      "include": ["message.output_text.logprobs", "file_search_call.results"], "top_logprobs": 4,
      "max_output_tokens": 5.0, "truncation": "auto", "text": ["format": ["type": "json_object"], "verbosity": "low"],
      "parallel_tool_calls": false,
    ])
    #expect(
      request
        == GenerationRequest(
          model: "m", input: .chat([Message(.user, "Hello")]), systemPrompt: "Be brief.",
          previousResponseID: "resp_1", store: false, parallelToolCalls: false,
          sampling: SamplingParameters(
            temperature: 2, topP: 0.5, topK: 0, minP: 0.1, repeatPenalty: 1.5, presencePenalty: 1, frequencyPenalty: -1,
            seed: 3, logitBias: [12: -100]),
          responseFormat: .jsonObject, reasoning: .high, reasoningIsHint: true, maxOutputTokens: 5, stop: ["END"],
          topLogprobs: 4, timeToLive: .seconds(30), inheritsSystemPrompt: false, responseID: "resp_ab",
          dropsOldTurns: true))
    #expect(try self.request(["top_logprobs": 4]).topLogprobs == nil)
    #expect(try self.request(["include": ["message.output_text.logprobs"]]).topLogprobs == 0)
  }

  @Test func whatCodexAndOthersSendAsideIsIgnored() throws {
    let plain = try decode(minimal).request
    let changes: KeyValuePairs<String, JSONValue?> = [
      "prompt_cache_key": "x", "client_metadata": ["x": "y"], "service_tier": "auto", "background": false,
      "stream_options": ["include_obfuscation": false], "safety_identifier": 7, "context_management": [:],
      "conversation": .null,
    ]
    #expect(try request(changes) == plain)
  }

  @Test func schemasComeFlatOrWrapped() throws {
    let schema: JSONValue = ["type": "object", "properties": ["b": [:], "a": [:]]]
    for format: JSONValue in [
      ["type": "json_schema", "name": "n", "schema": schema, "strict": true],
      ["type": "json_schema", "json_schema": ["name": "n", "schema": schema, "strict": "true"]],
    ] {
      #expect(try request(["text": ["format": format]]).responseFormat == .jsonSchema(schema.serialized()))
    }
    #expect(try request(["text": ["format": ["type": "json_schema", "name": "n"]]]).responseFormat == .jsonObject)
    #expect(try request(["text": ["verbosity": "low"]]).responseFormat == .text)
  }

  static let refusals: [(KeyValuePairs<String, JSONValue?>, AtelierError.Code, String)] = [
    (["background": true], .unsupportedParameter, "background"),
    (["conversation": "conv_1"], .unsupportedParameter, "conversation"),
    (["prompt": ["id": "p"]], .unsupportedParameter, "prompt"),
    (["max_output_tokens": 0], .invalidValue, "max_output_tokens"),
    (["max_tool_calls": 0], .invalidValue, "max_tool_calls"),
    (["temperature": 3], .invalidValue, "temperature"), (["instructions": 7], .invalidType, "instructions"),
    (["truncation": "some"], .invalidValue, "truncation"), (["store": "yes"], .invalidType, "store"),
    (["metadata": "x"], .invalidType, "metadata"), (["include": "x"], .invalidType, "include"),
    (["previous_response_id": "abc"], .previousResponseNotFound, "previous_response_id"),
    (["reasoning": ["effort": "extreme"]], .invalidValue, "reasoning.effort"),
    (["text": ["format": ["type": "xml"]]], .invalidValue, "text.format.type"),
    (["text": ["format": ["type": "json_schema", "schema": 1]]], .invalidType, "text.format.schema"),
    (["include": ["message.output_text.logprobs"], "top_logprobs": 21], .invalidValue, "top_logprobs"),
    (["input": 7], .invalidType, "input"), (["input": [7]], .invalidType, "input.0"),
    (["input": [["x": 1]]], .missingRequiredParameter, "input.0.type"),
    (["input": [["role": "critic", "content": ""]]], .invalidValue, "input.0.role"),
    (["input": [["role": "user"]]], .missingRequiredParameter, "input.0.content"),
    (["input": [["role": "user", "content": 7]]], .invalidType, "input.0.content"),
    (["input": [["role": "user", "content": [["type": "input_file"]]]]], .invalidValue, "input.0.content.0.type"),
    (["input": [["role": "user", "content": [["type": "smell"]]]]], .invalidValue, "input.0.content.0.type"),
    (
      ["input": [["role": "user", "content": [["type": "input_image", "file_id": "f"]]]]], .invalidValue,
      "input.0.content.0.file_id"
    ),
    (
      ["input": [["role": "user", "content": [["type": "input_image", "image_url": "http://x/y.png"]]]]],
      .imageURLUnsupported, "input.0.content.0.image_url"
    ),
    (
      ["input": [["role": "system", "content": [["type": "input_image", "image_url": "data:"]]]]], .invalidValue,
      "input.0.content.0.type"
    ),
    (["input": [["type": "function_call", "name": "f"]]], .missingRequiredParameter, "input.0.call_id"),
    (["input": [["type": "function_call", "call_id": "c"]]], .missingRequiredParameter, "input.0.name"),
    (
      ["input": [["type": "custom_tool_call", "call_id": "c", "name": "f"]]], .missingRequiredParameter, "input.0.input"
    ),
    (["input": [["type": "function_call_output", "output": "x"]]], .missingRequiredParameter, "input.0.call_id"),
    (["input": [["type": "function_call_output", "call_id": "c"]]], .missingRequiredParameter, "input.0.output"),
    (["input": [["type": "item_reference", "id": "msg_x"]]], .invalidValue, "input.0.id"),
    (["input": [["id": "msg_x"]]], .invalidValue, "input.0.id"),
  ]

  @Test(arguments: refusals.indices) func wrongFieldsAreRefused(index: Int) {
    let (changes, code, param) = Self.refusals[index]
    expectRefusal(code, param) { () throws(AtelierError) in try request(changes) }
  }

  @Test func theRecordHasNoTools() throws {
    let request = try request(["tools": [["type": "function", "name": "secret_tool"]], "metadata": ["k": "v"]])
    let record = try #require(request.record)
    #expect(!record.contains("secret_tool") && record.contains(#""k":"v""#))
    #expect(try self.request(["store": false]).record == nil)
  }

  @Test func settingsRepeatTheRequest() throws {
    let settings = try settings([
      "instructions": "I", "metadata": ["k": "v"], "tool_choice": "none", "user": "u", "temperature": 1.5,
      "reasoning": ["effort": "low", "summary": "auto"],
    ])
    #expect(settings["instructions"] == "I" && settings["metadata"] == ["k": "v"] && settings["tool_choice"] == "none")
    #expect(settings["user"] == "u" && settings["temperature"] == 1.5 && settings["top_p"] == 0.95)
    #expect(settings["reasoning"] == ["effort": "low", "summary": "auto"])
    #expect(try self.settings([:])["text"] == ["format": ["type": "text"]])
  }
}
