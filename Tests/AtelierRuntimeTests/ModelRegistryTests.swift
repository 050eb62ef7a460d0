import AtelierCore
import AtelierModels
import AtelierRuntime
import AtelierTesting
import Testing

struct ModelRegistryTests {
  @Test func twoFirstRequestsLoadOnce() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.hold()
    async let first = fixture.answer(fixture.request())
    async let second = fixture.answer(fixture.request())
    await eventually("both wait for one load") { await fixture.registry.instances().first?.queued == 2 }
    fixture.launcher.open()
    let answers = try await [first, second]
    #expect(fixture.launcher.loads.count == 1)
    #expect(answers.filter(\.loads).count == 1)
    #expect(answers.allSatisfy { EventContract.violations(in: $0).isEmpty && $0.result?.text == "Hello!" })
    #expect(answers.filter { $0.result?.timings.modelLoad != nil }.count == 1)
    #expect(try await !fixture.answer(fixture.request()).loads)
  }

  @Test func anIdleInstanceExpiresAndABusyOneDoesNot() async throws {
    let fixture = try RuntimeFixture()
    var request = fixture.request()
    request.timeToLive = .seconds(2)
    _ = try await fixture.answer(request)
    let engine = fixture.launcher.engines[0]
    engine.hold()
    fixture.clock.advance(by: .seconds(1))
    async let long = fixture.answer(fixture.request())
    await eventually("generating") { engine.running == 1 }
    fixture.clock.advance(by: .seconds(60))
    for _ in 0..<100 { await Task.yield() }
    #expect(!engine.isGone)
    engine.open()
    #expect(try await long.failure == nil)
    await eventually("idle") { await fixture.instances() == ["a idle"] && fixture.clock.sleepers == 1 }
    fixture.clock.advance(by: .milliseconds(1900))
    for _ in 0..<100 { await Task.yield() }
    #expect(!engine.isGone)
    fixture.clock.advance(by: .milliseconds(200))
    await eventually("expired") { await fixture.instances().isEmpty }
    #expect(engine.isGone)
  }

  @Test func aSecondModelWaitsForTheFirstOnesAnswerAndThenReplacesIt() async throws {
    let fixture = try RuntimeFixture()
    _ = try await fixture.answer(fixture.request("a"))
    let engine = fixture.launcher.engines[0]
    engine.hold()
    async let running = fixture.answer(fixture.request("a"))
    await eventually("a generates") { engine.running == 1 }
    async let other = fixture.answer(fixture.request("b"))
    await eventually("b is queued") { await fixture.registry.instances().count == 2 }
    // A late request for the old model queues behind the switch.
    async let late = fixture.answer(fixture.request("a"))
    await eventually("a is queued again") { await fixture.registry.instances().count == 3 }
    #expect(!engine.isGone)
    #expect(fixture.launcher.loads.count == 1)
    engine.open()
    #expect(try await running.failure == nil)
    let answers = try await [other, late]
    #expect(answers.allSatisfy { $0.loads && $0.failure == nil })
    #expect(fixture.launcher.loads.map { $0.files.first ?? "" }.map { $0.contains("/a-") } == [true, false, true])
    #expect(await fixture.instances() == ["a idle"])
  }

  @Test func manualInstancesStayAndKindsDoNotEvictEachOther() async throws {
    let fixture = try RuntimeFixture()
    let first = try await fixture.registry.load(ModelLoadRequest(model: "a"))
    let second = try await fixture.registry.load(ModelLoadRequest(model: "a", contextLength: 1024))
    #expect([first.id, second.id] == ["a", "a:2"])
    #expect(first.configuration.contextLength == 4096 && second.configuration.contextLength == 1024)
    _ = try await fixture.service.embed(
      model: "text-embedding-e", EmbeddingRequest(inputs: [.text("x")]), timeToLive: nil, caller: .anonymous)
    _ = try await fixture.answer(fixture.request("b"))
    _ = try await fixture.answer(fixture.request("thinker"))
    let ids = await fixture.registry.instances().map(\.id)
    #expect(ids == ["a", "a:2", "text-embedding-e", "thinker"])
    fixture.clock.advance(by: .seconds(4000))
    await eventually("only manual ones are left") { await fixture.registry.instances().map(\.id) == ["a", "a:2"] }
    #expect(try await fixture.answer(fixture.request("a:2")).result?.instance?.instanceID == "a:2")
  }

  @Test func aLongerContextNeedsAnotherInstance() async throws {
    let fixture = try RuntimeFixture()
    _ = try await fixture.registry.load(ModelLoadRequest(model: "a", contextLength: 1024))
    var request = fixture.request()
    request.contextLength = 512
    #expect(try await fixture.answer(request).result?.instance?.instanceID == "a")
    request.contextLength = 2048
    let answer = try await fixture.answer(request)
    #expect(answer.result?.instance?.instanceID == "a:2")
    #expect(answer.result?.instance?.contextLength == 2048)
    request.contextLength = 9000
    #expect(await code { try await fixture.answer(request) } == .invalidValue)
  }

  @Test func aVariantIsItsOwnInstance() async throws {
    let fixture = try RuntimeFixture()
    _ = try await fixture.registry.load(ModelLoadRequest(model: "b"))
    #expect(try await fixture.answer(fixture.request("b@q4_1")).loads == false)
    let other = try await fixture.answer(fixture.request("B@Q8_0"))
    #expect(other.loads)
    #expect(other.result?.instance?.quantization == "Q8_0")
  }

  @Test func unloadingEndsRequestsAndAnswersWhenTheMemoryIsBack() async throws {
    let fixture = try RuntimeFixture()
    _ = try await fixture.answer(fixture.request())
    let engine = fixture.launcher.engines[0]
    engine.hold()
    async let running = fixture.answer(fixture.request())
    await eventually("generating") { engine.running == 1 }
    try await fixture.registry.unload(instanceID: "a")
    #expect(engine.isGone)
    #expect(await fixture.instances().isEmpty)
    let events = try await running
    #expect(events.failure?.code == .modelUnloaded)
    #expect(events.result?.finishReason == .modelUnloaded)
    #expect(await code { try await fixture.registry.unload(instanceID: "a") } == .modelNotFound)
  }

  @Test func unloadingWhileLoadingEndsTheLoad() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.hold()
    async let waiting = fixture.answer(fixture.request())
    await eventually("loading") { fixture.launcher.loads.count == 1 }
    try await fixture.registry.unload(instanceID: "a")
    let events = try await waiting
    #expect(events.failure?.code == .modelUnloaded)
    fixture.launcher.open()
    await eventually("nothing is left") {
      await fixture.instances().isEmpty && !fixture.launcher.engines.contains { !$0.isGone }
    }
  }

  @Test func threeDeathsBrake() async throws {
    let fixture = try RuntimeFixture()
    for death in 0..<3 {
      let answer = try await fixture.answer(fixture.request())
      #expect(answer.loads)
      #expect(answer.failure == nil)
      fixture.launcher.engines[death].die()
      await eventually("forgotten") { await fixture.instances().isEmpty }
      fixture.clock.advance(by: .seconds(5))
    }
    #expect(await code { try await fixture.answer(fixture.request()) } == .serverBusy)
    #expect(try await fixture.answer(fixture.request("b")).failure == nil)
    fixture.clock.advance(by: .seconds(60))
    #expect(try await fixture.answer(fixture.request()).failure == nil)
  }

  @Test func aFailedLoadIsAnEventAndTheNextRequestTriesAgain() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.fail(AtelierError(.modelLoadFailed, "The file is damaged."))
    let events = try await fixture.answer(fixture.request())
    #expect(events.failure?.code == .modelLoadFailed)
    #expect(events.result?.output == [])
    #expect(EventContract.violations(in: events) == [])
    #expect(await code { try await fixture.registry.load(ModelLoadRequest(model: "a")) } == .modelLoadFailed)
    fixture.launcher.fail(nil)
    #expect(try await fixture.answer(fixture.request()).failure == nil)
  }

  @Test func namesAreResolvedOrRefused() async throws {
    let fixture = try RuntimeFixture()
    #expect(await code { try await fixture.answer(fixture.request("nobody")) } == .modelNotFound)
    #expect(await code { try await fixture.answer(fixture.request("text-embedding-e")) } == .modelTypeMismatch)
    #expect(
      await code {
        try await fixture.service.embed(model: "a", EmbeddingRequest(inputs: []), timeToLive: nil, caller: .anonymous)
      }
        == .modelTypeMismatch)
    #expect(await code { try await fixture.answer(fixture.request("")) } == .missingRequiredParameter)
    _ = try await fixture.registry.load(ModelLoadRequest(model: "a", identifier: "My Model"))
    #expect(try await fixture.answer(fixture.request("my model")).result?.instance?.instanceID == "My Model")
    #expect(try await fixture.answer(fixture.request("")).result?.instance?.instanceID == "My Model")
    #expect(try await fixture.answer(fixture.request("A")).result?.instance?.instanceID == "My Model")
    // Another instance of it, and an embedding model, leave no doubt; another language model does.
    _ = try await fixture.registry.load(ModelLoadRequest(model: "a"))
    _ = try await fixture.registry.load(ModelLoadRequest(model: "text-embedding-e"))
    #expect(try await fixture.answer(fixture.request("")).result?.instance?.modelKey == "a")
    _ = try await fixture.registry.load(ModelLoadRequest(model: "b"))
    #expect(await code { try await fixture.answer(fixture.request("")) } == .missingRequiredParameter)
    let again = ModelLoadRequest(model: "b", identifier: "My Model")
    #expect(await code { try await fixture.registry.load(again) } == .identifierInUse)
    for bad in ["", "__proto__", "a\u{7}b", String(repeating: "x", count: 1025)] {
      let request = ModelLoadRequest(model: "b", identifier: bad)
      #expect(await code { try await fixture.registry.load(request) } == .invalidValue)
    }
  }

  @Test func withoutJustInTimeLoadingOnlyLoadedModelsAnswer() async throws {
    var settings = RuntimeSettings()
    settings.jitEnabled = false
    let fixture = try RuntimeFixture(settings: settings)
    #expect(await code { try await fixture.answer(fixture.request()) } == .modelNotLoaded)
    _ = try await fixture.registry.load(ModelLoadRequest(model: "a"))
    #expect(try await fixture.answer(fixture.request()).failure == nil)
  }

  @Test func defaultsApplyToEveryLoad() async throws {
    var defaults = ModelDefaults()
    defaults.contextLength = 2000
    defaults.parallel = 7
    let fixture = try RuntimeFixture(defaults: ["a": defaults])
    _ = try await fixture.answer(fixture.request())
    _ = try await fixture.registry.load(ModelLoadRequest(model: "a", parallel: 2))
    #expect(fixture.launcher.loads.map(\.configuration.contextLength) == [2000, 2000])
    #expect(fixture.launcher.loads.map(\.configuration.parallel) == [7, 2])
  }

  @Test func waitingForALoadHasAnEnd() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.hold()
    async let loading = fixture.answer(fixture.request("a"))
    await eventually("a loads") { fixture.launcher.loads.count == 1 }
    async let waiting = fixture.answer(fixture.request("b"))
    await eventually("b waits") { await fixture.registry.instances().count == 2 && fixture.clock.sleepers == 1 }
    fixture.clock.advance(by: .seconds(121))
    #expect(try await waiting.failure?.code == .serverBusy)
    fixture.launcher.open()
    #expect(try await loading.failure == nil)
  }

  @Test func aQueuedLoadOutlivesItsCallerAndTheWaitOfOthers() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.hold()
    async let loading = fixture.answer(fixture.request("a"))
    await eventually("a loads") { fixture.launcher.loads.count == 1 }
    let caller = Task { try await fixture.registry.load(ModelLoadRequest(model: "b")) }
    await eventually("b is queued") { await fixture.registry.instances().count == 2 }
    async let waiting = fixture.answer(fixture.request("thinker"))
    await eventually("others wait") { await fixture.registry.instances().count == 3 && fixture.clock.sleepers == 1 }
    caller.cancel()
    #expect(await code { try await caller.value } == .cancelled)
    await eventually("nobody waits for b") {
      await fixture.registry.instances().contains { $0.id == "b" && $0.queued == 0 }
    }
    fixture.clock.advance(by: .seconds(121))
    #expect(try await waiting.failure?.code == .serverBusy)
    fixture.launcher.open()
    #expect(try await loading.failure == nil)
    await eventually("b is loaded") { await fixture.instances().contains("b idle") }
  }

  @Test func shutdownEndsEverything() async throws {
    let fixture = try RuntimeFixture()
    _ = try await fixture.answer(fixture.request())
    await fixture.registry.shutdown()
    #expect(fixture.launcher.engines.map(\.isGone) == [true])
    #expect(await code { try await fixture.answer(fixture.request("b")) } == .shuttingDown)
  }

  /// Memory for three models of 1,000 bytes.
  private func scarce(keepLastOnly: Bool = false) throws -> RuntimeFixture {
    var settings = RuntimeSettings()
    settings.jitKeepLastOnly = keepLastOnly
    settings.guardrail = .relaxed
    let models = ["a", "b", "c", "d", "e"].map { ScriptedModels.model($0) }
    return try RuntimeFixture(settings: settings, models: models) { launcher in
      3000 - 1000 * Int64(launcher.engines.filter { !$0.isGone }.count)
    }
  }

  private struct Room: Sendable {
    var available: Int64?
    var asked: Bool?
    var maps: Bool
  }

  @Test(arguments: [
    Room(available: 4000, maps: false), Room(available: 3999, maps: true), Room(available: nil, maps: true),
    Room(available: 4000, asked: true, maps: true), Room(available: 1000, asked: false, maps: false),
  ])
  private func weightsAreReadWhereThereIsRoomForACopy(_ room: Room) async throws {
    var defaults = ModelDefaults()
    defaults.useMemoryMap = room.asked
    var supply: (@Sendable (ScriptedLauncher) -> Int64)?
    if let available = room.available { supply = { _ in available } }
    let models = [ScriptedModels.model("a")]
    let fixture = try RuntimeFixture(models: models, defaults: ["a": defaults], availableBytes: supply)
    _ = try await fixture.registry.load(ModelLoadRequest(model: "a", isForced: true))
    #expect(fixture.launcher.loads.map { $0.configuration.useMemoryMap } == [room.maps])
  }

  @Test func memoryIsTakenFromTheIdleOneUsedLongestAgo() async throws {
    let fixture = try scarce()
    for name in ["a", "b", "c"] {
      _ = try await fixture.answer(fixture.request(name))
      fixture.clock.advance(by: .seconds(1))
    }
    _ = try await fixture.answer(fixture.request("a"))
    let answer = try await fixture.answer(fixture.request("d"))
    #expect(answer.failure == nil)
    #expect(answer.filter { $0 == .loadStarted }.count == 1)
    #expect(EventContract.violations(in: answer) == [])
    #expect(await fixture.registry.instances().map(\.id) == ["a", "c", "d"])
  }

  @Test func memoryIsNeverTakenFromBusyPinnedOrManualOnes() async throws {
    let fixture = try scarce()
    _ = try await fixture.registry.load(ModelLoadRequest(model: "a", isPinned: true))
    _ = try await fixture.registry.load(ModelLoadRequest(model: "b"))
    _ = try await fixture.answer(fixture.request("c"))
    fixture.launcher.engines[2].hold()
    async let running = fixture.answer(fixture.request("c"))
    await eventually("c generates") { fixture.launcher.engines[2].running == 1 }
    let refused = try await fixture.answer(fixture.request("d"))
    #expect(refused.failure?.code == .insufficientMemory)
    #expect(refused.failure?.details["needed_bytes"] == 1000)
    #expect(refused.failure?.details["available_bytes"] == 0)
    #expect(refused.result?.output == [])
    fixture.launcher.engines[2].open()
    #expect(try await running.failure == nil)
    await eventually("c is idle") { await fixture.instances().last == "c idle" }
    #expect(try await fixture.answer(fixture.request("d")).failure == nil)
    #expect(await fixture.registry.instances().map(\.id) == ["a", "b", "d"])
  }

  @Test func aForcedLoadAsksNobody() async throws {
    let fixture = try scarce()
    for name in ["a", "b", "c"] { _ = try await fixture.registry.load(ModelLoadRequest(model: name)) }
    #expect(await code { try await fixture.registry.load(ModelLoadRequest(model: "d")) } == .insufficientMemory)
    let refused = try await fixture.registry.estimate(ModelLoadRequest(model: "d", contextLength: 100))
    #expect(
      refused
        == LoadEstimate(
          modelKey: "d", contextLength: 100, weights: 1000, keyValueCache: 0, compute: 0, available: 0, fits: false))
    let forced = ModelLoadRequest(model: "d", isForced: true)
    #expect(try await fixture.registry.estimate(forced).fits)
    #expect(try await fixture.registry.load(forced).id == "d")
    #expect(await code { try await fixture.registry.estimate(ModelLoadRequest(model: "z")) } == .modelNotFound)
  }

  @Test func aLoadShowsHowFarItIs() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.hold()
    async let loaded = fixture.registry.load(ModelLoadRequest(model: "a"))
    async let next = fixture.registry.load(ModelLoadRequest(model: "b"))
    await eventually("both are listed") { await fixture.instances() == ["a loading", "b loading"] }
    await eventually("the first has begun") { await fixture.registry.instances().first?.loadProgress == 0 }
    #expect(await fixture.registry.instances().last?.loadProgress == nil)
    fixture.launcher.open()
    _ = try await (loaded, next)
    #expect(await fixture.registry.instances().map(\.loadProgress) == [nil, nil])
  }

  @Test func aDraftModelHasToExistAndShareTheVocabulary() async throws {
    let fixture = try RuntimeFixture(models: [
      ScriptedModels.model("a"), ScriptedModels.model("small"),
      ScriptedModels.model("foreign", quantizations: ["other"]),
      ScriptedModels.model("e", kind: .embedding),
    ])
    func answer(_ draft: String) async throws -> GenerationResult? {
      var request = fixture.request()
      request.draftModel = draft
      return try await fixture.answer(request).result
    }
    #expect(try await answer("small")?.finishReason == .endOfText)
    for (draft, expected) in [
      ("nobody", AtelierError.Code.modelNotFound), ("e", .modelTypeMismatch), ("foreign", .invalidValue),
    ] {
      do {
        _ = try await answer(draft)
        Issue.record("\(draft) was taken")
      } catch let error as AtelierError {
        #expect((error.code, error.param) == (expected, "draft_model"))
      }
    }
    // Nothing is guessed ahead here, so nothing is loaded for it.
    #expect(await fixture.instances() == ["a idle"])
  }

  @Test func aPinnedInstanceStays() async throws {
    let fixture = try RuntimeFixture()
    let pinned = try await fixture.registry.load(ModelLoadRequest(model: "a", isPinned: true))
    #expect(pinned.isPinned && pinned.origin == .manual && pinned.memoryBytes == 1)
    _ = try await fixture.answer(fixture.request("b"))
    _ = try await fixture.answer(fixture.request("thinker"))
    fixture.clock.advance(by: .seconds(100_000))
    await eventually("only the pinned one is left") { await fixture.registry.instances().map(\.id) == ["a"] }
  }

  @Test func aQueueThatIsFullRefuses() async throws {
    var settings = RuntimeSettings()
    settings.maxWaiting = 1
    settings.parallel = 1
    let fixture = try RuntimeFixture(settings: settings)
    _ = try await fixture.answer(fixture.request())
    fixture.launcher.engines[0].hold()
    async let first = fixture.answer(fixture.request())
    async let second = fixture.answer(fixture.request())
    await eventually("two wait") { await fixture.registry.instances().first?.queued == 2 }
    #expect(await code { try await fixture.answer(fixture.request()) } == .serverBusy)
    fixture.launcher.engines[0].open()
    #expect(try await [first, second].allSatisfy { $0.failure == nil })
  }

  @Test func aQuantizedCacheOfValuesNeedsFlashAttention() async throws {
    let fixture = try RuntimeFixture()
    let wrong = ModelLoadRequest(model: "a", flashAttention: false, kvCacheType: "q8_0")
    #expect(await code { try await fixture.registry.load(wrong) } == .invalidValue)
    _ = try await fixture.registry.load(ModelLoadRequest(model: "a", kvCacheType: "q8_0", gpu: 0.5))
    let configuration = fixture.launcher.loads.last?.configuration
    #expect((configuration?.kvCacheType, configuration?.valueCacheType, configuration?.gpu) == ("q8_0", nil, 0.5))
  }
}
