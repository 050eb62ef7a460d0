import AtelierCore
import AtelierTesting
import Testing

@testable import AtelierRuntime

struct FailoverTests {
  private static let words = ["One", " two", " three", " four"]

  /// An answer of reasoning and four words: events 0 to 4 are prompt and reasoning, 5 opens the message.
  private static let answer: [GenerationEvent] =
    [
      .promptStarted, .promptFinished(PromptUsage(tokens: 3, cachedTokens: 2)), .reasoningStarted,
      .reasoningDelta("hm"), .reasoningFinished, .messageStarted,
    ] + words.map { .messageDelta($0, []) } + [
      .messageFinished,
      .finished(
        GenerationResult(
          output: [.reasoning("hm"), .message(words.joined())],
          usage: GenerationUsage(inputTokens: 3, cachedTokens: 0, outputTokens: 5, reasoningTokens: 1))),
    ]

  @Test func twoRestartsAndNoMore() {
    var failover = Failover()
    var deaths: [EngineDeath] = []
    for tokens in [3, 5] {
      deaths.append(EngineDeath(tokens: tokens, wasAlone: true))
      let isPermitted = failover.permitsRestart(after: deaths)
      #expect(isPermitted)
    }
    deaths.append(EngineDeath(tokens: 9, wasAlone: true))
    let isPermitted = failover.permitsRestart(after: deaths)
    #expect(!isPermitted)
  }

  @Test(arguments: [(true, 4, false), (false, 4, true), (true, 5, true)])
  func aRequestThatKillsItsEnginesAtOnePlaceIsGivenUp(wasAlone: Bool, tokens: Int, isTriedAgain: Bool) {
    var failover = Failover()
    let first = EngineDeath(tokens: 4, wasAlone: true)
    let isFirstPermitted = failover.permitsRestart(after: [first])
    #expect(isFirstPermitted)
    let second = EngineDeath(tokens: tokens, wasAlone: wasAlone)
    let isPermitted = failover.permitsRestart(after: [first, second])
    #expect(isPermitted == isTriedAgain)
  }

  /// Where one step ends and the next begins: a block begins in the step of its first word.
  @Test(arguments: [0, 1, 2, 4, 7, 8, 9, 10])
  func anAnswerGoesOnWhereverItsEngineDies(place: Int) async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.script(Self.answer)
    let undisturbed = try await fixture.answer(fixture.request())
    let engine = try #require(fixture.launcher.engines.first)
    engine.hold(after: place)
    let (events, next) = try await Self.collect(fixture, upTo: place) { engine.die() }
    #expect(EventContract.violations(in: events) == [])
    // The first of them loaded the model.
    #expect(events == undisturbed.filter { !$0.isLoad }.map(\.withoutTimes))
    #expect(next.count == 2)
    #expect(next.last?.requests.first?.soFar?.tokens.count == Self.deltas(before: place))
    #expect(await fixture.instances() == ["a idle"])
  }

  /// The model's instance keeps its id, and what a person loaded stays what it was.
  @Test func theHeirIsWhatTheDeadInstanceWas() async throws {
    let fixture = try RuntimeFixture()
    let load = ModelLoadRequest(model: "a", identifier: "mine", contextLength: 512)
    _ = try await fixture.registry.load(load)
    let engine = try #require(fixture.launcher.engines.first)
    engine.hold()
    async let answer = fixture.answer(fixture.request("mine"))
    await eventually("generating") { engine.running == 1 }
    engine.die()
    #expect(try await answer.failure == nil)
    let heir = try #require(await fixture.registry.instances().first)
    #expect(heir.id == "mine" && heir.configuration.contextLength == 512 && heir.origin == .manual)
    #expect(fixture.launcher.loads.count == 2)
  }

  @Test func requestsThatLoseOneEngineShareTheNext() async throws {
    let fixture = try RuntimeFixture()
    _ = try await fixture.answer(fixture.request())
    let engine = try #require(fixture.launcher.engines.first)
    engine.hold(after: 3)
    async let first = fixture.answer(fixture.request())
    async let second = fixture.answer(fixture.request())
    await eventually("generating") { engine.running == 2 }
    engine.die()
    #expect(try await first.failure == nil)
    #expect(try await second.failure == nil)
    #expect(fixture.launcher.engines.count == 2)
  }

  @Test func theThirdDeathIsTheAnswersEnd() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.script(Self.answer)
    fixture.launcher.holdEngines(after: [7, 8, 9])
    let stream = try await fixture.service.generate(fixture.request())
    var events: [GenerationEvent] = []
    var deltas = 0
    for await event in stream {
      events.append(event)
      guard case .messageDelta = event else { continue }
      deltas += 1
      fixture.launcher.engines[deltas - 1].die()
    }
    #expect(EventContract.violations(in: events) == [])
    #expect(events.failure?.code == .engineDied)
    #expect(events.result?.output == [.reasoning("hm"), .message("One two three")])
    #expect(events.result?.usage.outputTokens == 4)
    #expect(events.result?.finishReason == .failed)
    await eventually("forgotten") { await fixture.instances().isEmpty }
    #expect(await code { try await fixture.answer(fixture.request()) } == .serverBusy)
  }

  @Test func anUnloadIsNoDeath() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.script(Self.answer)
    fixture.launcher.holdEngines(after: [7])
    let stream = try await fixture.service.generate(fixture.request())
    var events: [GenerationEvent] = []
    for await event in stream {
      events.append(event)
      if case .messageDelta = event { try await fixture.registry.unload(instanceID: "a") }
    }
    #expect(EventContract.violations(in: events) == [])
    #expect(events.failure?.code == .modelUnloaded)
    #expect(fixture.launcher.engines.count == 1)
  }

  @Test func whatCannotBeLoadedAgainEndsTheAnswer() async throws {
    let fixture = try RuntimeFixture()
    fixture.launcher.script(Self.answer)
    fixture.launcher.holdEngines(after: [7])
    let stream = try await fixture.service.generate(fixture.request())
    var events: [GenerationEvent] = []
    for await event in stream {
      events.append(event)
      guard case .messageDelta = event else { continue }
      fixture.launcher.fail(AtelierError(.insufficientMemory, "No room."))
      fixture.launcher.engines[0].die()
    }
    #expect(EventContract.violations(in: events) == [])
    #expect(events.failure?.code == .engineDied)
  }

  @Test func embeddingsAreComputedAgain() async throws {
    let fixture = try RuntimeFixture()
    let lease = try await fixture.registry.lease("text-embedding-e", kind: .embedding)
    var calls = 0
    let result = try await lease.call { (engine) throws(AtelierError) -> Int in
      calls += 1
      if calls == 1 {
        fixture.launcher.engines[0].die()
        throw AtelierError(.engineDied, "Gone.")
      }
      return calls
    }
    #expect(result == 2 && fixture.launcher.engines.count == 2)
    await lease.release()
  }

  @Test func whatKillsTwoEnginesGetsNoThird() async throws {
    let fixture = try RuntimeFixture()
    let lease = try await fixture.registry.lease("text-embedding-e", kind: .embedding)
    await #expect(throws: AtelierError.self) {
      try await lease.call { (_) throws(AtelierError) -> Int in
        fixture.launcher.engines.last?.die()
        throw AtelierError(.engineDied, "Gone.")
      }
    }
    #expect(fixture.launcher.engines.count == 2)
    await lease.release()
  }

  /// The answer's events, `then` done once `place` of the engine's events have come; and all engines.
  private static func collect(
    _ fixture: RuntimeFixture, upTo place: Int, then: () -> Void
  ) async throws -> ([GenerationEvent], [ScriptedEngine]) {
    let stream = try await fixture.service.generate(fixture.request())
    if place == 0 { then() }
    var events: [GenerationEvent] = []
    for await event in stream {
      events.append(event)
      // The first is the instance's.
      if events.count == place + 1 && place > 0 { then() }
    }
    return (events.map(\.withoutTimes), fixture.launcher.engines)
  }

  private static func deltas(before place: Int) -> Int? {
    let count = answer.prefix(place).count {
      switch $0 {
      case .messageDelta, .reasoningDelta: true
      default: false
      }
    }
    return count == 0 ? nil : count
  }
}

extension GenerationEvent {
  fileprivate var isLoad: Bool {
    switch self {
    case .loadStarted, .loadProgress, .loadFinished: true
    default: false
    }
  }

  /// What a restart may change: how long it took; and of the first engine's answer the prompt was not cached yet.
  fileprivate var withoutTimes: GenerationEvent {
    guard case .finished(var result) = self else { return self }
    result.timings = GenerationTimings()
    result.usage.cachedTokens = 0
    result.completedAt = nil
    return .finished(result)
  }
}
