import AtelierCore
import AtelierRuntime
import AtelierStore
import AtelierTesting
import Testing

/// Requests with servers of tools through the whole runtime.
struct ToolConversationTests {
  private static let ready = IntegrationPolicy(allowsEphemeral: true, allowsPlugins: true)

  private func server(_ label: String) -> ToolProviderReference {
    .ephemeral(EphemeralToolServer(label: label, url: "https://\(label).example/mcp"))
  }

  private static func round(_ calls: (String, String)...) -> [GenerationEvent] {
    var events: [GenerationEvent] = [.promptStarted, .promptFinished(PromptUsage(tokens: 3, cachedTokens: 0))]
    for (place, (name, arguments)) in calls.enumerated() {
      events += [
        .toolCallStarted(ToolCallHead(id: "c\(place)", name: name)),
        .toolCallArguments(ToolCall(id: "c\(place)", name: name, arguments: arguments), provider: nil),
      ]
    }
    return events + [.finished(GenerationResult(finishReason: .toolCalls, usage: GenerationUsage(outputTokens: 2)))]
  }

  private func fixture(
    _ tools: ScriptedTools, policy: IntegrationPolicy = ready, limits: ToolLoopLimits = ToolLoopLimits(),
    script: [[GenerationEvent]]
  ) async throws -> RuntimeFixture {
    let fixture = try RuntimeFixture(tools: ToolSupport(source: tools, policy: policy, limits: limits))
    _ = try await fixture.answer(fixture.request())
    fixture.launcher.engines[0].script(rounds: script)
    return fixture
  }

  @Test func aToolsResultReachesTheModelAndTheStore() async throws {
    let tools = ScriptedTools(["calc": ["add"]])
    let fixture = try await fixture(tools, script: [Self.round(("add", "{}")), ScriptedEngine.saying("Five.")])
    var request = fixture.request("a", "2+3?", store: true)
    request.integrations = [server("calc")]
    let events = try await fixture.answer(request)
    #expect(EventContract.violations(in: events) == [])
    let result = try #require(events.result)
    #expect(
      result.output == [
        .executedToolCall(
          ToolCall(id: "c0", name: "add", arguments: "{}"), provider: .ephemeral(serverLabel: "calc"),
          output: #"[{"type":"text","text":"add says so"}]"#),
        .message("Five."),
      ])
    let engine = fixture.launcher.engines[0]
    let requests = engine.requests.suffix(2)
    #expect(requests.allSatisfy { $0.tools.map(\.name) == ["add"] && $0.toolChoice == .auto })
    guard case .chat(let messages)? = requests.last?.input else {
      Issue.record("no chat")
      return
    }
    #expect(messages.map(\.role) == [.user, .assistant, .tool] && messages[2].text == "add says so")
    await eventually("the connection ends") { tools.closed == ["calc"] }

    // The chat goes on without tools, and the model reads what happened.
    let id = try #require(result.responseID)
    engine.script(rounds: [ScriptedEngine.saying("Yes.")])
    var more = fixture.request("a", "Sure?")
    more.previousResponseID = id
    _ = try await fixture.answer(more)
    guard case .chat(let history)? = engine.requests.last?.input else {
      Issue.record("no chat")
      return
    }
    #expect(Array(history.prefix(3)) == messages && history.map(\.role).suffix(2) == [.assistant, .user])
    #expect(engine.requests.last?.tools == [])
  }

  @Test func aChatOfSeveralRoundsIsReadBackAsItWasPrompted() async throws {
    let tools = ScriptedTools(["calc": ["add"]])
    let fixture = try await fixture(
      tools, script: [Self.round(("add", "{}")), Self.round(("add", #"{"a":1}"#)), ScriptedEngine.saying("Done.")])
    var request = fixture.request("a", "go", store: true)
    request.integrations = [server("calc")]
    let id = try #require(try await fixture.answer(request).result?.responseID)
    let engine = fixture.launcher.engines[0]
    guard case .chat(let last)? = engine.requests.last?.input else {
      Issue.record("no chat")
      return
    }
    #expect(last.map(\.role) == [.user, .assistant, .tool, .assistant, .tool])
    engine.script(rounds: [ScriptedEngine.saying("Yes.")])
    var more = fixture.request("a", "Sure?")
    more.previousResponseID = id
    _ = try await fixture.answer(more)
    guard case .chat(let history)? = engine.requests.last?.input else {
      Issue.record("no chat")
      return
    }
    #expect(Array(history.prefix(5)) == last)
  }

  @Test func aCallsBlockIsShownBeforeItRuns() async throws {
    let tools = ScriptedTools(["calc": ["add"]])
    tools.hold()
    let fixture = try await fixture(tools, script: [Self.round(("add", "{}"))])
    var request = fixture.request()
    request.integrations = [server("calc")]
    let stream = try await fixture.service.generate(request)
    let reader = Task {
      var events: [GenerationEvent] = []
      for await event in stream { events.append(event) }
      return events
    }
    await eventually("the tool runs") { tools.calls == ["calc.add"] }
    // Meanwhile the engine is free for others.
    let engine = fixture.launcher.engines[0]
    #expect(engine.running <= 1)
    engine.script(rounds: [ScriptedEngine.saying("Other.")])
    #expect(try await fixture.answer(fixture.request()).result?.text == "Other.")
    // The client leaves: the call ends, the connection ends, nothing is stored.
    reader.cancel()
    let events = await reader.value
    guard case .toolCallArguments? = events.last else {
      Issue.record("\(events)")
      return
    }
    await eventually("everything ends") { tools.cancelledCalls == 1 && tools.closed == ["calc"] }
    await eventually("the model is idle") { await fixture.instances() == ["a idle"] }
  }

  @Test func twoServersWithOneNameKeepTheirOwn() async throws {
    let tools = ScriptedTools(["one": ["add"], "two": ["add"]])
    let fixture = try await fixture(tools, script: [Self.round(("two_add", "{}")), ScriptedEngine.saying("Done.")])
    var request = fixture.request()
    request.integrations = [server("one"), server("two")]
    let events = try await fixture.answer(request)
    #expect(tools.calls == ["two.add"])
    #expect(fixture.launcher.engines[0].requests.last?.tools.map(\.name) == ["one_add", "two_add"])
    #expect(
      events.contains(.toolCallStarted(ToolCallHead(id: "c0", name: "add", provider: .ephemeral(serverLabel: "two")))))
  }

  @Test func aServerThatChangesItsToolsIsReadAgain() async throws {
    let tools = ScriptedTools(["calc": ["add"]]) { _, _ in ToolOutcome(output: "[]") }
    let fixture = try await fixture(tools, script: [Self.round(("add", "{}")), ScriptedEngine.saying("Done.")])
    var request = fixture.request()
    request.integrations = [server("calc")]
    let stream = try await fixture.service.generate(request)
    for await event in stream { if case .toolCallSucceeded = event { tools.offer("calc", ["add", "sub"]) } }
    #expect(fixture.launcher.engines[0].requests.suffix(2).map { $0.tools.map(\.name) } == [["add"], ["add", "sub"]])
  }

  @Test func theLastRoundHasNoTools() async throws {
    let tools = ScriptedTools(["calc": ["add"]])
    let fixture = try await fixture(
      tools, limits: ToolLoopLimits(rounds: 1), script: [Self.round(("add", "{}")), ScriptedEngine.saying("Enough.")])
    var request = fixture.request()
    request.integrations = [server("calc")]
    #expect(try await fixture.answer(request).result?.text == "Enough.")
    #expect(fixture.launcher.engines[0].requests.last?.toolChoice == ToolChoice.none)
  }

  @Test func aServerThatCannotBeReachedFailsTheRequestBeforeAnyRound() async throws {
    let tools = ScriptedTools(["good": ["add"]])
    tools.refuse("bad", AtelierError(.mcpConnection, "Cannot connect to MCP server 'bad': no."))
    let fixture = try await fixture(tools, script: [ScriptedEngine.saying("never")])
    var request = fixture.request("a", "Hi", store: true)
    request.integrations = [server("good"), server("bad")]
    let before = fixture.launcher.engines[0].requests.count
    let events = try await fixture.answer(request)
    #expect(EventContract.violations(in: events) == [])
    #expect(events.failure?.code == .mcpConnection && events.result?.responseID == nil)
    #expect(fixture.launcher.engines[0].requests.count == before)
    await eventually("the other connection ends") { tools.closed == tools.connected }
  }

  @Test func aRoundThatTheEngineRefusesEndsTheAnswer() async throws {
    let tools = ScriptedTools(["calc": ["add"]])
    let fixture = try await fixture(tools, script: [Self.round(("add", "{}")), ScriptedEngine.saying("never")])
    var request = fixture.request("a", "Hi", store: true)
    request.integrations = [server("calc")]
    let stream = try await fixture.service.generate(request)
    var events: [GenerationEvent] = []
    for await event in stream {
      events.append(event)
      if case .toolCallSucceeded = event {
        fixture.launcher.engines[0].refuse(AtelierError(.contextLengthExceeded, "Too long."))
      }
    }
    #expect(EventContract.violations(in: events) == [])
    #expect(events.failure?.code == .contextLengthExceeded && events.result?.output.count == 1)
  }

  // MARK: Who may

  private func refusal(
    _ reference: ToolProviderReference, policy: IntegrationPolicy, caller: Caller = .anonymous, plugins: [String] = []
  ) async throws -> AtelierError? {
    let tools = ScriptedTools(Dictionary(uniqueKeysWithValues: plugins.map { ($0, []) }))
    let fixture = try RuntimeFixture(tools: ToolSupport(source: tools, policy: policy))
    var request = fixture.request()
    request.integrations = [reference]
    request.caller = caller
    do throws(AtelierError) {
      _ = try await fixture.service.generate(request)
      return nil
    } catch {
      #expect(tools.connected.isEmpty && error.param == "integrations")
      return error
    }
  }

  @Test func everythingIsOffByDefault() async throws {
    for reference in [server("hub"), .plugin(id: "mcp/files", allowedTools: nil)] {
      #expect(try await refusal(reference, policy: .closed)?.code == .mcpDisabled)
    }
    let fixture = try RuntimeFixture()
    var request = fixture.request()
    request.integrations = [server("hub")]
    #expect(await code { try await fixture.service.generate(request) } == .mcpDisabled)
  }

  @Test func theMessagesAreTheOnesClientsLookFor() async throws {
    let plugin = try await refusal(.plugin(id: "mcp/files", allowedTools: nil), policy: .closed)
    #expect(plugin?.message.hasPrefix("Permission denied to use plugin 'mcp/files'. ") == true)
    let ephemeral = try await refusal(server("hub"), policy: .closed)
    #expect(ephemeral?.message.hasPrefix("Permission denied to use ephemeral MCP server 'hub'. ") == true)
  }

  @Test func pluginsNeedAuthenticationAndThePermission() async throws {
    let plugin = ToolProviderReference.plugin(id: "mcp/My_Files", allowedTools: nil)
    func caller(_ plugins: Permissions.Plugins) -> Caller {
      Caller(tokenID: "t", permissions: Permissions(mcpEphemeral: false, mcpPlugins: plugins))
    }
    let open = Caller(permissions: Permissions(mcpPlugins: .all))
    #expect(try await refusal(plugin, policy: Self.ready, caller: open)?.code == .mcpDisabled)
    #expect(try await refusal(plugin, policy: Self.ready, caller: .anonymous)?.code == .mcpDisabled)
    #expect(try await refusal(plugin, policy: Self.ready, caller: caller(.none))?.code == .permissionDenied)
    #expect(
      try await refusal(plugin, policy: Self.ready, caller: caller(.labels(["other"])), plugins: ["my-files"]) != nil)
    #expect(
      try await refusal(plugin, policy: Self.ready, caller: caller(.labels(["my-files"])), plugins: ["my-files"]) == nil
    )
    // A server that only looks like the permitted one, and one that does not exist.
    for plugins in [["My_Files", "my-files"], ["my files"], []] {
      let error = try await refusal(
        plugin, policy: Self.ready, caller: caller(.labels(["my-files"])), plugins: plugins)
      #expect(error?.code == .permissionDenied)
    }
    #expect(try await refusal(plugin, policy: Self.ready, caller: caller(.all)) == nil)
    #expect(try await refusal(server("hub"), policy: Self.ready, caller: caller(.all)) != nil)
    #expect(try await refusal(server("hub"), policy: Self.ready) == nil)
  }

  @Test func oneServerIsNamedOnce() async throws {
    let fixture = try RuntimeFixture(tools: ToolSupport(source: ScriptedTools([:]), policy: Self.ready))
    var request = fixture.request()
    request.integrations = [server("hub"), server("hub")]
    #expect(await code { try await fixture.service.generate(request) } == .invalidValue)
  }
}
