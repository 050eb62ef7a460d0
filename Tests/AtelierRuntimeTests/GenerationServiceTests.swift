import AtelierCore
import AtelierModels
import AtelierRuntime
import AtelierStore
import AtelierTesting
import Foundation
import Testing

struct GenerationServiceTests {
  private func messages(_ fixture: RuntimeFixture) -> [Message] {
    if case .chat(let messages)? = fixture.launcher.engines.last?.requests.last?.input { messages } else { [] }
  }

  @Test func aColdModelsStreamHasEveryStage() async throws {
    let fixture = try RuntimeFixture()
    let events = try await fixture.answer(fixture.request(store: true))
    #expect(EventContract.violations(in: events) == [])
    guard case .instanceSelected(let selection)? = events.first else {
      Issue.record("no instance")
      return
    }
    #expect(selection.instanceID == "a")
    #expect(Array(events[1...3]) == [.loadStarted, .loadProgress(0), .loadProgress(1)])
    #expect(events.result?.instance == selection)
    #expect(events.result?.timings.modelLoad != nil)
    let id = try #require(events.result?.responseID)
    #expect(id.hasPrefix("resp_") && id.count == 53 && id.dropFirst(5).allSatisfy("0123456789abcdef".contains))
  }

  @Test func aStoredTurnIsDurableBeforeItsEndIsSeen() async throws {
    let fixture = try RuntimeFixture()
    for await event in try await fixture.service.generate(fixture.request(store: true)) {
      guard case .finished(let result) = event else { continue }
      let id = try #require(result.responseID)
      #expect(try await fixture.store.history(of: id).first?.output == [.message("Hello!")])
    }
  }

  @Test func chatsBranchAndInheritTheirSystemPrompt() async throws {
    let fixture = try RuntimeFixture()
    var first = fixture.request("a", "one", store: true)
    first.systemPrompt = "Be brief."
    let root = try #require(try await fixture.answer(first).result?.responseID)
    #expect(messages(fixture) == [Message(.system, "Be brief."), Message(.user, "one")])

    var left = fixture.request("a", "left", store: true)
    left.previousResponseID = root
    let leftID = try #require(try await fixture.answer(left).result?.responseID)
    #expect(
      messages(fixture) == [
        Message(.system, "Be brief."), Message(.user, "one"), Message(.assistant, "Hello!"), Message(.user, "left"),
      ])

    var right = fixture.request("a", "right", store: true)
    right.previousResponseID = root
    right.systemPrompt = "Be long."
    let rightID = try #require(try await fixture.answer(right).result?.responseID)
    #expect(messages(fixture).filter { $0.role == .system } == [Message(.system, "Be long.")])
    #expect(!messages(fixture).contains(Message(.user, "left")))

    var deeper = fixture.request("a", "more")
    deeper.previousResponseID = rightID
    #expect(try await fixture.answer(deeper).result?.responseID == nil)
    #expect(messages(fixture).first == Message(.system, "Be long."))
    #expect(try await fixture.store.all().map(\.id).sorted() == [root, leftID, rightID].sorted())
  }

  @Test func aModelsOwnFieldsReachItsTemplate() async throws {
    var defaults = ModelDefaults()
    defaults.chatTemplate = "{{ x }}"
    defaults.reasoningTags = ReasoningTags(start: "<r>", end: "</r>")
    defaults.customFields = [
      CustomField(key: "thinking", value: true, effects: [.templateVariable("deep"), .appendSystemPrompt(" Think.")])
    ]
    let fixture = try RuntimeFixture(defaults: ["thinker": defaults])
    func arguments() -> String? { fixture.launcher.engines[0].requests.last?.templateArgumentsJSON }
    var request = fixture.request("thinker")
    request.systemPrompt = "Be brief."
    _ = try await fixture.answer(request)
    #expect(messages(fixture).first == Message(.system, "Be brief. Think."))
    #expect(arguments() == #"{"deep":true}"#)
    request.reasoning = .off
    request.templateArgumentsJSON = #"{"other":1}"#
    _ = try await fixture.answer(request)
    #expect(arguments() == #"{"deep":false,"other":1}"#)
    #expect(fixture.launcher.loads[0].chatTemplate == "{{ x }}")
    #expect(fixture.launcher.loads[0].reasoningTags == defaults.reasoningTags)
  }

  @Test func storedChatsAreListedExportedAndDeleted() async throws {
    let fixture = try RuntimeFixture()
    let library = ChatLibrary(store: fixture.store)
    var first = fixture.request("a", "A first\n question", store: true)
    first.systemPrompt = "Be brief."
    let root = try #require(try await fixture.answer(first).result?.responseID)
    fixture.clock.advance(by: .seconds(5))
    var second = fixture.request("b", "more", store: true)
    second.previousResponseID = root
    let leaf = try #require(try await fixture.answer(second).result?.responseID)
    let list = try await library.chats(in: .all, limit: 10)
    #expect(list.map(\.id) == [leaf])
    #expect((list[0].turns, list[0].modelKey, list[0].title) == (2, "b", "A first question"))
    #expect(list[0].updatedAt - list[0].createdAt == 5000)
    let turns = try await library.chat(leaf, in: .all)
    #expect(turns.map(\.id) == [root, leaf])
    #expect(turns.map(\.systemPrompt) == ["Be brief.", "Be brief."])
    #expect(turns[0].messages == [Message(.user, "A first\n question"), Message(.assistant, "Hello!")])
    try await library.deleteChat(leaf, in: .all)
    #expect(try await library.chats(in: .all, limit: 10).isEmpty)
    #expect(await code { try await library.chat(root, in: .all) } == .responseNotFound)
    #expect(await code { try await library.deleteChat(leaf, in: .all) } == .responseNotFound)
  }

  @Test func toolRoundsComeBackAsCallsAndResults() async throws {
    let fixture = try RuntimeFixture()
    let call = ToolCall(id: "c", name: "add", arguments: "{}")
    try await fixture.store.append(
      ConversationNode(
        id: "resp_x", input: [Message(.user, "2+3?")],
        output: [
          .reasoning("hm"), .message("Let me see."), .executedToolCall(call, provider: nil, output: "5"),
          .message("5."),
        ], modelKey: "a", createdAt: 1))
    var request = fixture.request()
    request.previousResponseID = "resp_x"
    _ = try await fixture.answer(request)
    #expect(
      messages(fixture) == [
        Message(.user, "2+3?"),
        Message(role: .assistant, content: [.text("Let me see.")], reasoning: "hm", toolCalls: [call]),
        Message(role: .tool, content: [.text("5")], toolCallID: "c", name: "add"),
        Message(.assistant, "5."), Message(.user, "Hi"),
      ])
  }

  @Test func aTurnIsStoredUnderTheIdItsDialectHasShown() async throws {
    let fixture = try RuntimeFixture()
    var first = fixture.request("a", "one", store: true)
    (first.responseID, first.record, first.systemPrompt) = ("resp_shown", "{}", "Be brief.")
    let result = try #require(try await fixture.answer(first).result)
    #expect(result.responseID == "resp_shown")
    let turn = try await fixture.service.turn("resp_shown", of: .anonymous)
    #expect(turn.record == "{}" && turn.input == [Message(.user, "one")] && turn.output == [.message("Hello!")])
    #expect(turn.completedAt == result.completedAt && turn.systemPrompt == "Be brief." && turn.previousID == nil)

    var second = fixture.request("a", "two")
    (second.previousResponseID, second.inheritsSystemPrompt) = ("resp_shown", false)
    _ = try await fixture.answer(second)
    #expect(messages(fixture) == [Message(.user, "one"), Message(.assistant, "Hello!"), Message(.user, "two")])
    second.inheritsSystemPrompt = true
    _ = try await fixture.answer(second)
    #expect(messages(fixture).first == Message(.system, "Be brief."))
  }

  @Test func callsAreAnsweredAcrossStoredTurns() async throws {
    let fixture = try RuntimeFixture()
    let calls = ["1", "2"].map { ToolCall(id: $0, name: "f", arguments: "{}") }
    try await fixture.store.append(
      ConversationNode(
        id: "resp_x", input: [Message(.user, "Go")], output: calls.map(OutputItem.toolCall), modelKey: "a", createdAt: 1
      ))
    var request = fixture.request()
    request.previousResponseID = "resp_x"
    let result = Message(role: .tool, content: [.text("r")], toolCallID: "2")
    request.input = .chat([Message(.user, "Well?"), result])
    _ = try await fixture.answer(request)
    #expect(
      messages(fixture) == [
        Message(.user, "Go"), Message(role: .assistant, content: [], toolCalls: calls), result,
        Message(role: .tool, content: [.text("(no output)")], toolCallID: "1", name: "f"), Message(.user, "Well?"),
      ])
  }

  @Test func aForgottenTurnIsNotFoundWhileWhatContinuesItGoesOn() async throws {
    let fixture = try RuntimeFixture()
    let root = try #require(try await fixture.answer(fixture.request(store: true)).result?.responseID)
    var request = fixture.request("a", "two", store: true)
    request.previousResponseID = root
    let child = try #require(try await fixture.answer(request).result?.responseID)
    try await fixture.service.forget(root, of: .anonymous)
    #expect(await code { try await fixture.service.turn(root, of: .anonymous) } == .responseNotFound)
    #expect(await code { try await fixture.service.forget(root, of: .anonymous) } == .responseNotFound)
    #expect(await code { try await fixture.answer(request) } == .previousResponseNotFound)
    request.previousResponseID = child
    _ = try await fixture.answer(request)
    #expect(messages(fixture).count == 5)
  }

  @Test func serversOfToolsAreRefused() async throws {
    let fixture = try RuntimeFixture()
    let servers: [ToolProviderReference] = [
      .plugin(id: "mcp/files", allowedTools: nil), .ephemeral(EphemeralToolServer(label: "hub", url: "https://x")),
    ]
    for (server, words) in zip(servers, ["use plugin 'mcp/files'", "use ephemeral MCP server 'hub'"]) {
      var request = fixture.request()
      request.integrations = [server]
      do {
        _ = try await fixture.answer(request)
        Issue.record("accepted")
      } catch let error as AtelierError {
        #expect(error.code == .mcpDisabled && error.message.contains("Permission denied to \(words)"))
      }
    }
  }

  @Test func whatFailedOrWasNotToBeKeptIsNotStored() async throws {
    let fixture = try RuntimeFixture()
    #expect(try await fixture.answer(fixture.request()).result?.responseID == nil)
    let engine = fixture.launcher.engines[0]
    engine.script([
      .promptStarted, .promptFinished(PromptUsage(tokens: 1, cachedTokens: 0)),
      .failed(AtelierError(.generationFailed, "No.")), .finished(GenerationResult(finishReason: .failed)),
    ])
    let failed = try await fixture.answer(fixture.request(store: true))
    #expect(failed.result?.responseID == nil)
    #expect(EventContract.violations(in: failed) == [])
    #expect(try await fixture.store.all().isEmpty)
  }

  @Test func anAnswerThatCannotBeStoredSaysSo() async throws {
    let fixture = try RuntimeFixture()
    try fixture.store.close()
    let events = try await fixture.answer(fixture.request(store: true))
    #expect(events.failure?.code == .internalError)
    #expect(events.result?.responseID == nil)
    #expect(events.result?.text == "Hello!")
    #expect(EventContract.violations(in: events) == [])
  }

  @Test(arguments: [true, false])
  func aClientThatLeavesEndsItsGeneration(byCancelling: Bool) async throws {
    let fixture = try RuntimeFixture()
    _ = try await fixture.answer(fixture.request())
    let engine = fixture.launcher.engines[0]
    // A stream that stays open after its first words.
    engine.script([.promptStarted, .promptFinished(PromptUsage(tokens: 1, cachedTokens: 0))])
    if byCancelling {
      let task = Task { try await fixture.answer(fixture.request(store: true)) }
      await eventually("generating") { await fixture.instances() == ["a generating"] }
      task.cancel()
      #expect(try await task.value.result == nil)
    } else {
      for await event in try await fixture.service.generate(fixture.request(store: true)) {
        if case .promptStarted = event { break }
      }
    }
    await eventually("cancelled and the lease given back") {
      let state = await fixture.instances()
      return engine.cancelled == 1 && engine.running == 0 && state == ["a idle"]
    }
    #expect(try await fixture.store.all().isEmpty)
  }

  @Test func aClientThatLeavesWhileLoadingLeavesTheLoad() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.hold()
    let task = Task { try await fixture.answer(fixture.request()) }
    await eventually("loading") { fixture.launcher.loads.count == 1 }
    task.cancel()
    #expect(try await task.value.result == nil)
    fixture.launcher.open()
    await eventually("loaded and idle") { await fixture.instances() == ["a idle"] }
    #expect(fixture.launcher.engines[0].requests.isEmpty)
  }

  @Test func refusalsComeBeforeTheStreamOfAWarmModelAndInThatOfAColdOne() async throws {
    let fixture = try RuntimeFixture()
    _ = try await fixture.answer(fixture.request())
    fixture.launcher.engines[0].refuse(AtelierError(.contextLengthExceeded, "Too long."))
    #expect(await code { try await fixture.service.generate(fixture.request()) } == .contextLengthExceeded)
    #expect(await fixture.instances() == ["a idle"])
  }

  @Test func requestsAModelCannotServeAreRefused() async throws {
    let fixture = try RuntimeFixture()
    var request = fixture.request()
    for setting in [ReasoningSetting.off, .on] {
      request.reasoning = setting
      do {
        _ = try await fixture.answer(request)
        Issue.record("accepted")
      } catch let error as AtelierError {
        #expect(error.code == .invalidValue && error.param == "reasoning")
        #expect(error.message.contains("does not expose reasoning configuration"))
      }
    }
    request = fixture.request("thinker")
    request.reasoning = .high
    do {
      _ = try await fixture.answer(request)
      Issue.record("accepted")
    } catch let error as AtelierError {
      #expect(error.message.contains("is not supported by model 'thinker'") && error.message.contains("'off', 'on'"))
    }
    request.reasoning = .off
    #expect(try await fixture.answer(request).failure == nil)

    let image = ImageData(format: .png, bytes: Data([1]), width: 1, height: 1)
    var picture = fixture.request()
    picture.input = .chat([Message(role: .user, content: [.image(image)])])
    #expect(await code { try await fixture.answer(picture) } == .unsupportedModality)
    picture.model = "thinker"
    picture.store = true
    var followUp = fixture.request()
    followUp.previousResponseID = try await fixture.answer(picture).result?.responseID
    #expect(await code { try await fixture.answer(followUp) } == .unsupportedModality)

    followUp.previousResponseID = "abc"
    #expect(await code { try await fixture.answer(followUp) } == .invalidValue)
    followUp.previousResponseID = "resp_abc"
    #expect(await code { try await fixture.answer(followUp) } == .previousResponseNotFound)
    #expect(!fixture.launcher.loads.contains { $0.files.contains { $0.contains("/a-") } })
  }

  @Test func whatTheRequestLeavesOpenIsFilledFromTheModelThenBuiltIn() async throws {
    var defaults = ModelDefaults()
    defaults.sampling = SamplingParameters(temperature: 0.1, topK: 3)
    defaults.maxPredictedTokens = 9
    defaults.stopStrings = ["END"]
    defaults.systemPrompt = "From the defaults."
    let fixture = try RuntimeFixture(defaults: ["a": defaults])
    var request = fixture.request()
    request.sampling.temperature = 0.5
    _ = try await fixture.answer(request)
    let sent = try #require(fixture.launcher.engines[0].requests.first)
    #expect(sent.sampling.temperature == 0.5 && sent.sampling.topK == 3)
    #expect(sent.sampling.topP == SamplingParameters.builtIn.topP)
    #expect(sent.maxOutputTokens == 9 && sent.stop == ["END"])
    #expect(messages(fixture).first == Message(.system, "From the defaults."))
    #expect(try await fixture.service.countTokens(fixture.request()) == 7)
    #expect(fixture.launcher.loads.count == 1)
  }

  @Test func countingLoadsNothing() async throws {
    let fixture = try RuntimeFixture()
    for _ in 0..<3 { #expect(try await fixture.service.countTokens(fixture.request()) == 7) }
    #expect(fixture.launcher.loads.map(\.isVocabularyOnly) == [true])
    #expect(await fixture.instances() == [])
    // The least recently used makes room for a third model.
    fixture.clock.advance(by: .seconds(1))
    _ = try await fixture.service.countTokens(fixture.request("b"))
    _ = try await fixture.service.countTokens(fixture.request("thinker"))
    await eventually("the first one has gone") { fixture.launcher.engines[0].isGone }
    #expect(fixture.launcher.engines.map(\.isGone) == [true, false, false])
    fixture.clock.advance(by: .seconds(61))
    await eventually("the others expire") { fixture.launcher.engines.allSatisfy(\.isGone) }
    _ = try await fixture.service.countTokens(fixture.request())
    #expect(fixture.launcher.loads.count == 4)
    await fixture.registry.shutdown()
    #expect(fixture.launcher.engines.allSatisfy { $0.isGone })
    #expect(await code { try await fixture.service.countTokens(fixture.request()) } == .shuttingDown)
  }

  /// By a template that a count runs, as by anything else.
  @Test func aModelWhoseCountsKillItsEnginesIsRefusedForAMinute() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.dieCounting(true)
    func count(_ model: String) async -> AtelierError.Code? {
      await code { try await fixture.service.countTokens(fixture.request(model)) }
    }
    // Each count asks a second engine.
    #expect(await count("a") == .engineDied && fixture.launcher.loads.count == 2)
    #expect(await count("a") == .serverBusy && fixture.launcher.loads.count == 3)
    #expect(await count("a") == .serverBusy && fixture.launcher.loads.count == 3)
    fixture.launcher.dieCounting(false)
    #expect(await count("b") == nil)
    fixture.clock.advance(by: .seconds(59))
    #expect(await count("a") == .serverBusy)
    fixture.clock.advance(by: .seconds(1))
    #expect(await count("a") == nil)
  }

  @Test func aCountIsAskedAgainWhenItsEngineDies() async throws {
    let fixture = try RuntimeFixture()
    _ = try await fixture.service.countTokens(fixture.request())
    fixture.launcher.engines[0].dieCounting()
    #expect(try await fixture.service.countTokens(fixture.request()) == 7)
    #expect(fixture.launcher.loads.count == 2)
  }

  @Test func countingUsesWhatIsLoadedAndWhatImagesNeed() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.fail(AtelierError(.modelLoadFailed, "Broken."))
    #expect(await code { try await fixture.service.countTokens(fixture.request()) } == .modelLoadFailed)
    fixture.launcher.fail(nil)
    _ = try await fixture.answer(fixture.request())
    _ = try await fixture.service.countTokens(fixture.request())
    #expect(fixture.launcher.loads.map(\.isVocabularyOnly) == [true, false])
    let image = ImageData(format: .png, bytes: Data([1]), width: 1, height: 1)
    let request = GenerationRequest(model: "thinker", input: .chat([Message(role: .user, content: [.image(image)])]))
    _ = try await fixture.service.countTokens(request)
    #expect(fixture.launcher.loads.last?.isVocabularyOnly == false)
  }
}
