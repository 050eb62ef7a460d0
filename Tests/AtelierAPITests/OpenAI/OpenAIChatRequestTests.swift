import AtelierAPI
import AtelierCore
import Foundation
import Testing

struct OpenAIChatRequestTests {
  private let minimal: JSONValue = ["model": "m", "messages": [["role": "user", "content": "Hello"]]]
  private let tool: JSONValue = ["type": "function", "function": ["name": "f", "parameters": ["b": 1, "a": 2]]]
  private let stamp = ResponseStamp(created: 1, token: "abc")

  private func decode(_ body: JSONValue) throws(AtelierError) -> DecodedRequest<OpenAIChat.Context> {
    try OpenAIChat.decode(body, stamp: stamp)
  }

  private func request(_ changes: KeyValuePairs<String, JSONValue?>) throws(AtelierError) -> GenerationRequest {
    try decode(minimal.with(changes)).request
  }

  @Test func minimalRequestHasTheDocumentedDefaults() throws {
    let decoded = try decode(minimal)
    #expect(
      decoded.request == GenerationRequest(model: "m", input: .chat([Message(.user, "Hello")]), reasoningIsHint: true))
    #expect(
      decoded.context
        == OpenAIChat.Context(
          isStreaming: false, choices: 1, model: "m", includesUsage: false, usesLegacyFunctions: false,
          includesLogprobs: false, stamp: stamp))
    #expect(try decode(minimal.with(["model": nil])).request.model == "")
  }

  @Test func everySamplingFieldIsRead() throws {
    let request = try request([
      "temperature": 2, "top_p": 0.5, "top_k": 0, "min_p": 0.1, "repeat_penalty": 1.5, "presence_penalty": 1,
      "frequency_penalty": -1, "seed": 3, "logit_bias": ["12": -100, "7": 2.5], "stop": ["END", ""], "ttl": 30,
      "logprobs": true, "top_logprobs": 4, "max_completion_tokens": 5, "max_tokens": 9, "reasoning_effort": "none",
      "chat_template_kwargs": ["enable_thinking": false], "draft_model": "d",
    ])
    #expect(
      request
        == GenerationRequest(
          model: "m", input: .chat([Message(.user, "Hello")]),
          sampling: SamplingParameters(
            temperature: 2, topP: 0.5, topK: 0, minP: 0.1, repeatPenalty: 1.5, presencePenalty: 1, frequencyPenalty: -1,
            seed: 3, logitBias: [12: -100, 7: 2.5]),
          reasoning: .off, reasoningIsHint: true, templateArgumentsJSON: #"{"enable_thinking":false}"#,
          maxOutputTokens: 5, stop: ["END"],
          topLogprobs: 4, timeToLive: .seconds(30), draftModel: "d"))
  }

  @Test func spellingsAreTolerated() throws {
    #expect(try request(["max_tokens": 64.0]).maxOutputTokens == 64)
    #expect(try request(["max_tokens": -1]).maxOutputTokens == nil)
    #expect(try request(["max_tokens": 7, "max_completion_tokens": -1]).maxOutputTokens == nil)
    #expect(try request(["stop": "END"]).stop == ["END"])
    #expect(try request(["logprobs": true]).topLogprobs == 0)
    #expect(try request(["reasoning": ["effort": "high"]]).reasoning == .high)
    #expect(try request(["ttl": "soon"]).timeToLive == nil)
    #expect(try request(["ttl": 0]).timeToLive == nil)
    #expect(try request(["draft_model": ""]).draftModel == nil)
    #expect(try request(["seed": .null, "tools": .null, "stop": .null]) == decode(minimal).request)
  }

  @Test func unknownAndIgnoredFieldsAreNotChecked() throws {
    let request = try request([
      "metadata": 3, "user": [], "store": "x", "service_tier": 1, "prediction": true, "client_metadata": ["a": 1],
      "modalities": ["text"], "verbosity": 7,
    ])
    #expect(try request == decode(minimal).request)
  }

  @Test func usageIsShownOnlyInStreamsThatAskForIt() throws {
    let asked: JSONValue = ["include_usage": true, "include_obfuscation": 3]
    #expect(try decode(minimal.with(["stream": true, "stream_options": asked])).context.includesUsage)
    #expect(try !decode(minimal.with(["stream_options": asked])).context.includesUsage)
    #expect(try !decode(minimal.with(["stream": true])).context.includesUsage)
  }

  static let refusals: [(KeyValuePairs<String, JSONValue?>, AtelierError.Code, String)] = [
    (["messages": nil], .missingRequiredParameter, "messages"), (["messages": []], .invalidValue, "messages"),
    (["messages": "hi"], .invalidType, "messages"), (["model": 3], .invalidType, "model"),
    (["temperature": 3], .invalidValue, "temperature"), (["top_k": -1], .invalidValue, "top_k"),
    (["max_tokens": 0], .invalidValue, "max_tokens"), (["max_tokens": 1.5], .invalidType, "max_tokens"),
    (["n": 0], .invalidValue, "n"), (["n": 9], .invalidValue, "n"), (["stream": 1], .invalidType, "stream"),
    (["stop": 3], .invalidType, "stop"), (["stop": [1]], .invalidType, "stop.0"),
    (["stop": .array(Array(repeating: "a", count: 17))], .invalidValue, "stop"),
    (["stop": .string(String(repeating: "a", count: 257))], .invalidValue, "stop"),
    (["logit_bias": ["x": 1]], .invalidValue, "logit_bias"),
    (["logit_bias": ["1": 101]], .invalidValue, "logit_bias.1"), (["logit_bias": []], .invalidType, "logit_bias"),
    (
      ["logit_bias": .object(JSONObject((0..<1025).map { (String($0), 1) }))], .invalidValue, "logit_bias"
    ),
    (["logprobs": true, "top_logprobs": 21], .invalidValue, "top_logprobs"),
    (["top_logprobs": 2], .invalidValue, "top_logprobs"), (["seed": "x"], .invalidType, "seed"),
    (["reasoning_effort": "extreme"], .invalidValue, "reasoning_effort"),
    (["chat_template_kwargs": []], .invalidType, "chat_template_kwargs"),
    (["modalities": ["text", "audio"]], .unsupportedParameter, "modalities"),
    (["audio": [:]], .unsupportedParameter, "audio"),
    (["web_search_options": [:]], .unsupportedParameter, "web_search_options"),
    (["response_format": ["type": "xml"]], .invalidValue, "response_format.type"),
    (["response_format": [:]], .missingRequiredParameter, "response_format.type"),
    (["response_format": ["type": "json_schema"]], .missingRequiredParameter, "response_format.json_schema"),
    (
      ["response_format": ["type": "json_schema", "json_schema": ["schema": 1]]], .invalidType,
      "response_format.json_schema.schema"
    ),
    (
      ["response_format": ["type": "json_schema", "json_schema": ["strict": "yes"]]], .invalidType,
      "response_format.json_schema.strict"
    ),
  ]

  @Test(arguments: refusals.indices) func wrongFieldsAreNamed(index: Int) {
    let (changes, code, param) = Self.refusals[index]
    expectRefusal(code, param) { () throws(AtelierError) in try request(changes) }
  }

  // MARK: Response format

  @Test func responseFormatsKeepTheSchemasOrder() throws {
    #expect(try request(["response_format": ["type": "text"]]).responseFormat == .text)
    #expect(try request(["response_format": ["type": "json_object"]]).responseFormat == .jsonObject)
    let schema: JSONValue = ["type": "object", "properties": ["z": [:], "a": [:]]]
    let format: JSONValue = [
      "type": "json_schema", "json_schema": ["name": "n", "strict": "true", "schema": schema],
    ]
    #expect(try request(["response_format": format]).responseFormat == .jsonSchema(schema.serialized()))
    let empty: JSONValue = ["type": "json_schema", "json_schema": ["name": "n"]]
    #expect(try request(["response_format": empty]).responseFormat == .jsonObject)
  }

  // MARK: Tools

  @Test func toolsAreRead() throws {
    let bare: JSONValue = ["type": "function", "function": ["name": "g", "description": "D", "strict": "true"]]
    let request = try request(["tools": [tool, bare, tool], "parallel_tool_calls": false])
    #expect(
      request.tools == [
        ToolDefinition(name: "f", parametersJSON: #"{"b":1,"a":2}"#), ToolDefinition(name: "g", description: "D"),
      ])
    #expect(request.toolChoice == .auto)
    #expect(!request.parallelToolCalls)
  }

  static let choices: [(JSONValue, ToolChoice)] = [
    ("auto", .auto), ("none", .none), ("required", .required), ("any", .required),
    (["type": "function", "function": ["name": "f"]], .named("f")), (["type": "function", "name": "f"], .named("f")),
    (
      ["type": "allowed_tools", "allowed_tools": ["mode": "required", "tools": [["type": "function", "name": "f"]]]],
      .required
    ),
  ]

  @Test(arguments: choices) func choicesAreRead(value: JSONValue, choice: ToolChoice) throws {
    #expect(try request(["tools": [tool], "tool_choice": value]).toolChoice == choice)
  }

  @Test func allowedToolsHideTheOthers() throws {
    let other: JSONValue = ["type": "function", "function": ["name": "g"]]
    let choice: JSONValue = [
      "type": "allowed_tools",
      "allowed_tools": ["mode": "auto", "tools": [["type": "function", "function": ["name": "g"]]]],
    ]
    let request = try request(["tools": [tool, other], "tool_choice": choice])
    #expect(request.tools.map(\.name) == ["g"])
    #expect(request.toolChoice == .auto)
  }

  static let wrongTools: [(KeyValuePairs<String, JSONValue?>, AtelierError.Code, String)] = [
    (["tools": [["type": "web_search"]]], .invalidValue, "tools.0.type"),
    (["tools": [["function": ["name": "f"]]]], .missingRequiredParameter, "tools.0.type"),
    (["tools": [["type": "function"]]], .missingRequiredParameter, "tools.0.function"),
    (["tools": [["type": "function", "function": [:]]]], .missingRequiredParameter, "tools.0.function.name"),
    (["tools": [["type": "function", "function": ["name": ""]]]], .invalidValue, "tools.0.function.name"),
    (
      ["tools": [["type": "function", "function": ["name": .string(String(repeating: "n", count: 257))]]]],
      .invalidValue, "tools.0.function.name"
    ),
    (
      [
        "tools": [
          [
            "type": "function",
            "function": ["name": "f", "description": .string(String(repeating: "d", count: 16385))],
          ]
        ]
      ], .invalidValue, "tools.0.function.description"
    ),
    (
      [
        "tools": [
          [
            "type": "function",
            "function": ["name": "f", "parameters": ["title": .string(String(repeating: "p", count: 65536))]],
          ]
        ]
      ], .invalidValue, "tools.0.function.parameters"
    ),
    (
      ["tools": [["type": "function", "function": ["name": "f", "parameters": []]]]], .invalidType,
      "tools.0.function.parameters"
    ),
    (
      ["tools": .array(Array(repeating: ["type": "function", "function": ["name": "f"]], count: 257))], .invalidValue,
      "tools"
    ),
    (["tool_choice": "required"], .invalidValue, "tool_choice"),
    (["tool_choice": "sometimes"], .invalidValue, "tool_choice"),
    (["tool_choice": ["type": "function", "function": ["name": "x"]]], .invalidValue, "tool_choice"),
    (["tool_choice": 3], .invalidType, "tool_choice"),
  ]

  @Test(arguments: wrongTools.indices) func wrongToolsNameTheirPlace(index: Int) {
    let (changes, code, param) = Self.wrongTools[index]
    expectRefusal(code, param) { () throws(AtelierError) in try request(changes) }
  }

  @Test func functionsAreToolsOfOneCall() throws {
    let decoded = try decode(
      minimal.with(["functions": [["name": "f", "parameters": [:]]], "function_call": ["name": "f"]]))
    #expect(decoded.request.tools == [ToolDefinition(name: "f", parametersJSON: "{}")])
    #expect(decoded.request.toolChoice == .named("f"))
    #expect(!decoded.request.parallelToolCalls)
    #expect(decoded.context.usesLegacyFunctions)
  }
}
