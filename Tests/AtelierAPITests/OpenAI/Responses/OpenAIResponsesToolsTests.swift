import AtelierAPI
import AtelierCore
import Testing

struct OpenAIResponsesToolsTests {
  private let stamp = ResponseStamp(created: 1, token: "abc")
  private let exec: JSONValue = ["type": "function", "name": "exec", "parameters": ["type": "object"], "strict": false]
  private let patch: JSONValue = [
    "type": "custom", "name": "patch", "description": "Edits.",
    "format": ["type": "grammar", "syntax": "lark", "definition": "start: /x/"],
  ]

  private func request(
    tools: JSONValue, choice: JSONValue? = nil, input: JSONValue = "x"
  ) throws(AtelierError) -> GenerationRequest {
    let body: JSONValue = ["input": input, "tools": tools]
    return try OpenAIResponses.decode(body.with(["tool_choice": choice]), stamp: stamp).request
  }

  private func space(_ name: String, _ tools: JSONValue...) -> JSONValue {
    ["type": "namespace", "name": .string(name), "description": "", "tools": .array(tools)]
  }

  @Test func functionsComeFlatOrWrapped() throws {
    let wrapped: JSONValue = ["type": "function", "function": ["name": "exec", "parameters": ["type": "object"]]]
    let definition = ToolDefinition(name: "exec", parametersJSON: #"{"type":"object"}"#)
    #expect(try request(tools: [exec]).tools == [definition])
    #expect(try request(tools: [wrapped]).tools == [definition])
    #expect(try request(tools: [exec.with(["parameters": .null])]).tools == [ToolDefinition(name: "exec")])
    #expect(try request(tools: [exec, exec.with(["description": "again"])]).tools == [definition])
  }

  @Test func customToolsAreFunctionsOfOneText() throws {
    let tool = try #require(try request(tools: [patch]).tools.first)
    #expect(tool.name == "patch")
    #expect(tool.description == "Edits.\n\nThe input must follow this lark grammar:\nstart: /x/")
    let schema = try JSONValue(parsing: try #require(tool.parametersJSON))
    #expect(schema["properties"]?["input"]?["type"] == "string" && schema["required"] == ["input"])
  }

  @Test func namespacesAreFlattened() throws {
    let names = try request(tools: [
      space("functions", exec, patch), space("mcp__files", exec), space("mcp__hub__", exec),
    ]).tools.map(\.name)
    #expect(names == ["exec", "patch", "mcp__files__exec", "mcp__hub__exec"])
  }

  @Test func additionalToolsJoinTheOthers() throws {
    let item: JSONValue = [
      "type": "additional_tools", "role": "developer", "tools": [space("functions", exec), patch],
    ]
    let request = try request(tools: .null, input: [item, ["role": "user", "content": "x"]])
    #expect(request.tools.map(\.name) == ["exec", "patch"])
    #expect(request.input == .chat([Message(.user, "x")]))
  }

  @Test func toolsOfTheHostedAPIAreLeftOut() throws {
    let others = ["web_search", "image_generation", "local_shell", "tool_search", "file_search", "new"].map {
      JSONValue.object(["type": .string($0)])
    }
    #expect(try request(tools: .array(others + [exec])).tools.map(\.name) == ["exec"])
  }

  @Test func choices() throws {
    let tools: JSONValue = [space("mcp__files", exec), patch]
    #expect(try request(tools: tools, choice: "none").toolChoice == .none)
    #expect(try request(tools: tools, choice: "any").toolChoice == .required)
    for choice: JSONValue in [
      ["type": "function", "name": "exec"], ["type": "function", "name": "exec", "namespace": "mcp__files"],
      ["type": "function", "name": "mcp__files__exec"], ["type": "function", "function": ["name": "exec"]],
    ] {
      #expect(try request(tools: tools, choice: choice).toolChoice == .named("mcp__files__exec"))
    }
    #expect(try request(tools: tools, choice: ["type": "custom", "name": "patch"]).toolChoice == .named("patch"))
    let allowed = try request(
      tools: tools,
      choice: ["type": "allowed_tools", "mode": "required", "tools": [["type": "custom", "name": "patch"]]])
    #expect(allowed.toolChoice == .required && allowed.tools.map(\.name) == ["patch"])
  }

  @Test func choicesOfWhatIsNotThereAreRefused() {
    for choice: JSONValue in [
      ["type": "function", "name": "nothing"], ["type": "custom", "name": "exec"], ["type": "function"],
      ["type": "function", "name": "exec", "namespace": "other"],
    ] {
      expectRefusal(.invalidValue, "tool_choice") { () throws(AtelierError) in
        try request(tools: [exec, patch], choice: choice)
      }
    }
    expectRefusal(.invalidValue, "tool_choice.type") { () throws(AtelierError) in
      try request(tools: [["type": "web_search"], exec], choice: ["type": "web_search"])
    }
    expectRefusal(.invalidValue, "tool_choice") { () throws(AtelierError) in
      try request(tools: [["type": "web_search"]], choice: "required")
    }
    expectRefusal(.invalidType, "tools.1") { () throws(AtelierError) in try request(tools: [exec, 7]) }
    expectRefusal(.missingRequiredParameter, "tools.0.tools.0.name") { () throws(AtelierError) in
      try request(tools: [space("a", ["type": "function"])])
    }
    expectRefusal(.missingRequiredParameter, "input.0.tools.0.type") { () throws(AtelierError) in
      try request(tools: .null, input: [["type": "additional_tools", "tools": [[:]]]])
    }
  }

  @Test func serversOfToolsAreReadForTheRuntime() throws {
    let request = try request(tools: [
      [
        "type": "mcp", "server_label": "hub", "server_url": "https://hub.example/mcp", "headers": ["X-A": "b"],
        "authorization": "t0ken", "allowed_tools": ["tool_names": ["add"]], "require_approval": "never",
      ], ["type": "mcp", "server_label": "mcp/files", "allowed_tools": []],
    ])
    #expect(
      request.integrations == [
        .ephemeral(
          EphemeralToolServer(
            label: "hub", url: "https://hub.example/mcp",
            headers: [
              .init(name: "X-A", value: Secret("b")), .init(name: "Authorization", value: Secret("Bearer t0ken")),
            ], allowedTools: ["add"])), .plugin(id: "mcp/files", allowedTools: []),
      ])
  }

  @Test func aServerOfTheFileNeedsNoPrefixAndIsShownAsItWasCalled() throws {
    let decoded = try OpenAIResponses.decode(
      ["input": "Hi", "max_tool_calls": 3, "tools": [["type": "mcp", "server_label": "files"]]], stamp: stamp)
    let request = try #require(decoded.requests.first)
    #expect(request.integrations == [.plugin(id: "mcp/files", allowedTools: nil)])
    #expect(request.servedTools.listsTools && request.servedTools.separator == "__")
    #expect(request.servedTools.maxCalls == 3)
    let call = OutputItem.executedToolCall(
      ToolCall(id: "c", name: "read", arguments: "{}"), provider: .plugin(id: "mcp/files"), output: "[]")
    let body = OpenAIResponses.body(of: [Answer(result: GenerationResult(output: [call]))], in: decoded.context)
    #expect(body["output"]?.arrayValue?.first?["server_label"] == "files")
  }

  @Test func aChoiceMayNameAServerAndItsTool() throws {
    let server: JSONValue = ["type": "mcp", "server_label": "hub", "server_url": "https://x"]
    let choice = ["type": "mcp", "server_label": "hub", "name": "add"] as JSONValue
    let named = try request(tools: [server, exec], choice: choice)
    #expect(named.toolChoice == .required)
    #expect(named.servedTools.choice == .init(provider: .ephemeral(serverLabel: "hub"), tool: "add"))
    expectRefusal(.invalidValue, "tool_choice.server_label") { () throws(AtelierError) in
      try request(tools: [server], choice: ["type": "mcp", "server_label": "other"])
    }
  }

  @Test func allowedToolsNarrowServersToo() throws {
    let servers: [JSONValue] = [
      ["type": "mcp", "server_label": "hub", "server_url": "https://x", "allowed_tools": ["a", "b"]],
      ["type": "mcp", "server_label": "other", "server_url": "https://y"],
    ]
    let one: JSONValue = ["type": "mcp", "server_label": "hub", "name": "b"]
    let narrowed = try request(
      tools: .array(servers + [exec]), choice: ["type": "allowed_tools", "mode": "auto", "tools": [one]])
    #expect(narrowed.tools.isEmpty)
    #expect(
      narrowed.integrations == [.ephemeral(EphemeralToolServer(label: "hub", url: "https://x", allowedTools: ["b"]))])
  }

  @Test func thereAreNoMoreThanEightServers() {
    let servers = (0..<9).map {
      JSONValue.object(["type": "mcp", "server_label": .string("s\($0)"), "server_url": "https://x"])
    }
    expectRefusal(.invalidValue, "tools") { () throws(AtelierError) in try request(tools: .array(servers)) }
  }

  @Test func credentialsAreNotRepeated() throws {
    let tool: JSONValue = [
      "type": "mcp", "server_label": "hub", "server_url": "https://x", "headers": ["a": "b"], "authorization": "c",
    ]
    let settings = try OpenAIResponses.decode(["tools": [tool, exec]], stamp: stamp).context.settings
    #expect(
      settings["tools"] == [["type": "mcp", "server_label": "hub", "server_url": "https://x"], exec])
  }

  @Test func serversThatCannotBeServedAreRefused() {
    let server: JSONValue = ["type": "mcp", "server_label": "hub", "server_url": "https://x"]
    expectRefusal(.notImplemented, "tools.0.require_approval") { () throws(AtelierError) in
      try request(tools: [server.with(["require_approval": "always"])])
    }
    expectRefusal(.unsupportedParameter, "tools.0.connector_id") { () throws(AtelierError) in
      try request(tools: [server.with(["connector_id": "c"])])
    }
    expectRefusal(.invalidValue, "tools.1.server_label") { () throws(AtelierError) in
      try request(tools: [server, server])
    }
    expectRefusal(.missingRequiredParameter, "tools.0.server_label") { () throws(AtelierError) in
      try request(tools: [["type": "mcp"]])
    }
  }
}
