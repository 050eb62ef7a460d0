import AtelierAPI
import AtelierCore
import Testing

struct AnthropicRequestTests {
  private let stamp = ResponseStamp(created: 1, token: "abc", requestID: "req_1")
  private let minimal: JSONValue = [
    "model": "m", "max_tokens": 64, "messages": [["role": "user", "content": "Hello"]],
  ]

  private func decode(
    _ changes: KeyValuePairs<String, JSONValue?> = [:]
  ) throws(AtelierError) -> DecodedRequest<AnthropicMessages.Context> {
    try AnthropicMessages.decode(minimal.with(changes), stamp: stamp)
  }

  @Test func minimalRequestHasTheDocumentedDefaults() throws {
    let decoded = try decode()
    #expect(
      decoded.request
        == GenerationRequest(
          model: "m", input: .chat([Message(.user, "Hello")]), reasoning: .off, reasoningIsHint: true,
          maxOutputTokens: 64))
    #expect(
      decoded.context
        == AnthropicMessages.Context(
          isStreaming: false, model: "m", thinking: .hidden, isWarmUp: false, stamp: stamp))
  }

  @Test func everyFieldIsRead() throws {
    let decoded = try decode([
      "stream": true, "temperature": 1, "top_p": 0.5, "top_k": 7, "min_p": 0.1, "repeat_penalty": 1.2, "seed": 3,
      "stop_sequences": ["END"], "ttl": 60, "thinking": ["type": "enabled", "budget_tokens": 99999],
      "output_config": ["effort": "high", "format": ["type": "json_schema", "schema": ["type": "object"]]],
      "metadata": ["user_id": "u"], "context_management": ["edits": []], "service_tier": 3, "mcp_servers": [],
      "anthropic_version": "x", "betas": ["y"],
    ])
    #expect(
      decoded.request
        == GenerationRequest(
          model: "m", input: .chat([Message(.user, "Hello")]),
          sampling: SamplingParameters(temperature: 1, topP: 0.5, topK: 7, minP: 0.1, repeatPenalty: 1.2, seed: 3),
          responseFormat: .jsonSchema(#"{"type":"object"}"#), reasoning: .high, reasoningIsHint: true,
          maxOutputTokens: 64, stop: ["END"], timeToLive: .seconds(60), reasoningBudget: 99999))
    #expect(decoded.context.isStreaming && decoded.context.thinking == .shown)
    #expect(
      try decode(["output_format": ["type": "json_schema", "schema": [:]]]).request.responseFormat
        == .jsonSchema("{}"))
  }

  @Test func thinkingIsShownOnlyWhenAskedFor() throws {
    for type in ["enabled", "adaptive", "between_tools"] {
      let decoded = try decode(["thinking": ["type": .string(type)]])
      #expect(decoded.context.thinking == .shown && decoded.request.reasoning == .on)
    }
    let budgeted = try decode(["thinking": ["type": "enabled", "budget_tokens": 1024]])
    #expect(budgeted.request.reasoningBudget == 1024)
    #expect(try decode(["thinking": ["type": "adaptive"]]).request.reasoningBudget == nil)
    #expect(try decode(["thinking": ["type": "disabled", "budget_tokens": 9]]).request.reasoningBudget == nil)
    let disabled = try decode(["thinking": ["type": "disabled"]])
    #expect(disabled.context.thinking == .hidden && disabled.request.reasoning == .off)
    #expect(try decode(["thinking": ["type": "adaptive", "display": "omitted"]]).context.thinking == .omitted)
  }

  @Test func noTokensWarmTheCache() throws {
    let decoded = try decode(["max_tokens": 0])
    #expect(decoded.context.isWarmUp && decoded.request.maxOutputTokens == 1)
  }

  @Test(
    arguments: [
      ("max_tokens", nil, .missingRequiredParameter, "max_tokens", "max_tokens: Field required"),
      ("max_tokens", -1, .invalidValue, "max_tokens", "max_tokens: must be an integer at least 0"),
      ("max_tokens", "64", .invalidType, "max_tokens", "max_tokens: expected integer, received string"),
      ("messages", nil, .missingRequiredParameter, "messages", "messages: Field required"),
      ("messages", [], .invalidValue, "messages", "messages: at least one message is required"),
      (
        "messages", [["role": "tool", "content": "x"]], .invalidValue, "messages.0.role",
        "messages.0.role: must be one of 'user', 'assistant', 'system'"
      ),
      (
        "messages", [["role": "user", "content": [["text": "x"]]]], .missingRequiredParameter,
        "messages.0.content.0.type", "messages.0.content.0.type: Field required"
      ),
      (
        "messages", [["role": "user", "content": [["type": "tool_use", "id": "a", "name": "f"]]]], .invalidValue,
        "messages.0.content.0.type",
        "messages.0.content.0.type: 'tool_use' is not allowed in a message of this role"
      ),
      ("messages", [["role": "user", "content": ""]], .invalidValue, "messages", "messages: must have some content"),
      (
        "messages", [["role": "assistant", "content": [["type": "tool_use", "id": "a", "name": "f", "input": [:]]]]],
        .invalidValue, "messages", "messages: must not end with a tool_use: its tool_result is missing"
      ),
      (
        "stop_sequences", [""], .invalidValue, "stop_sequences",
        "stop_sequences: must have strings of 1 to 256 bytes"
      ),
      (
        "mcp_servers", [["url": "x"]], .unsupportedParameter, "mcp_servers",
        "mcp_servers: not offered by this endpoint; use MCP tools with POST /v1/responses"
      ),
      ("system", 3, .invalidType, "system", "system: expected string or array of text blocks, received integer"),
    ] as [(String, JSONValue?, AtelierError.Code, String, String)])
  func whatIsWrongIsNamedAnthropicsWay(
    key: String, value: JSONValue?, code: AtelierError.Code, param: String, message: String
  ) {
    let error = failure { () throws(AtelierError) in try decode([key: value]) }
    #expect(error?.code == code)
    #expect(error?.param == param)
    #expect(error?.message == message)
  }

  // MARK: Tools

  private let tools: JSONValue = [
    ["name": "f", "description": "d", "input_schema": ["type": "object"], "eager_input_streaming": true],
    ["type": "custom", "name": "g"], ["type": "bash_20250124", "name": "bash"],
    ["type": "web_search_20260209", "name": "web_search"], ["type": "text_editor_20250728", "name": "edit"],
  ]

  @Test func toolsThatOnlyTheHostedAPICanRunAreLeftOut() throws {
    let request = try decode(["tools": tools]).request
    #expect(request.tools.map(\.name) == ["f", "g", "bash", "edit"])
    #expect(request.tools[0].parametersJSON == #"{"type":"object"}"# && request.tools[0].description == "d")
    #expect(request.tools[1].parametersJSON == nil)
    for tool in request.tools[2...] {
      let schema = try JSONValue(parsing: try #require(tool.parametersJSON))
      #expect(schema["properties"]?["command"]?["type"] == "string")
    }
  }

  @Test func toolChoiceIsExact() throws {
    func choice(_ value: JSONValue) throws(AtelierError) -> GenerationRequest {
      try decode(["tools": tools, "tool_choice": value, "thinking": ["type": "adaptive"]]).request
    }
    #expect(try choice(["type": "auto"]).toolChoice == .auto)
    #expect(try choice(["type": "auto"]).reasoning == .on)
    #expect(try choice(["type": "none"]).toolChoice == .none)
    #expect(try choice(["type": "any"]).toolChoice == .required)
    #expect(try choice(["type": "any"]).reasoning == .off)
    let named = try choice(["type": "tool", "name": "g"])
    #expect(named.toolChoice == .named("g") && !named.parallelToolCalls)
    #expect(try choice(["type": "any", "disable_parallel_tool_use": true]).parallelToolCalls == false)
    expectRefusal(.invalidValue, "tool_choice") { () throws(AtelierError) in
      try choice(["type": "tool", "name": "web_search"])
    }
    expectRefusal(.invalidValue, "tool_choice.type") { () throws(AtelierError) in try choice(["type": "x"]) }
    expectRefusal(.invalidValue, "tool_choice") { () throws(AtelierError) in
      try decode(["tool_choice": ["type": "any"]])
    }
  }

  // MARK: Counting

  @Test func countingReadsTheSameRequest() throws {
    let counted = try AnthropicCountTokens.decode(minimal.with(["tools": tools, "max_tokens": nil]))
    var asked = try decode(["tools": tools]).request
    asked.maxOutputTokens = counted.maxOutputTokens
    #expect(counted == asked)
    #expect(AnthropicCountTokens.body(tokens: 12).serialized() == #"{"input_tokens":12}"#)
  }

  // MARK: Model names

  @Test func claudesNamesStandForTheModelInUse() {
    func substitute(_ model: String, _ last: String?, _ loaded: [String]) -> String? {
      ClaudeModelNames.substitute(for: model, lastAnswered: last, loaded: loaded)
    }
    #expect(substitute("claude-haiku-4-5", "main", ["a", "b"]) == "main")
    #expect(substitute("Claude-x", nil, ["a"]) == "a")
    #expect(substitute("claude-x", nil, ["a", "b"]) == nil)
    #expect(substitute("claude-x", nil, []) == nil)
    #expect(substitute("qwen-claude-distill", "main", ["a"]) == nil)
  }

  // MARK: Silence

  @Test func pingsComeOnlyAfterTheMessageHasBegun() throws {
    var encoder = AnthropicMessages.encoder(for: try decode().context)
    _ = encoder.encode(
      .instanceSelected(
        InstanceSelection(
          instanceID: "i", modelKey: "m", architecture: nil, quantization: nil, contextLength: 1)))
    #expect(encoder.keepAlive() == .comment("keep-alive"))
    _ = encoder.encode(.promptStarted)
    guard case .event(name: "message_start", _) = encoder.keepAlive() else {
      Issue.record("a long prompt must begin the message")
      return
    }
    let ping = ServerSentEvent.json(["type": "ping"], name: "ping")
    #expect(encoder.keepAlive() == ping)
    #expect(encoder.encode(.promptFinished(PromptUsage(tokens: 3, cachedTokens: 0))) == [])
    _ = encoder.encode(.finished(GenerationResult()))
    #expect(encoder.keepAlive() == nil)
    #expect(AnthropicMessages.keepAliveSeconds == 10)
  }
}
