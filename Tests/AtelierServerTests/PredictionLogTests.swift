import AtelierCore
import HTTPTypes
import Testing

@testable import AtelierServer

struct PredictionLogTests {
  private let request = GenerationRequest(
    model: "tiny", input: .chat([Message(.user, "Say hello.")]), systemPrompt: "Be brief.")

  @Test func aWatcherSeesQuestionAndAnswer() async throws {
    let feed = PredictionFeed()
    let (items, continuation) = try feed.watch()
    let generation = ObservedGeneration(ScriptedGeneration(Script.answer("Hel", "lo.")), feed: feed)
    var count = 0
    for await _ in try await generation.generate(request) { count += 1 }
    #expect(count == Script.answer("Hel", "lo.").count)
    continuation.finish()
    var events: [JSONValue] = []
    for await case .event(let event) in items { events.append(event["data"] ?? .null) }
    #expect(events.map { $0["type"] } == ["llm.prediction.input", "llm.prediction.output"])
    #expect(events[0]["input"] == "system: Be brief.\nuser: Say hello.")
    #expect(events[1]["output"] == "Hello." && events[1]["modelIdentifier"] == "tiny")
    #expect(events[1]["stats"]?["total_output_tokens"] == 2)
    #expect(!feed.isWatched)
  }

  @Test func leavingAWatchedAnswerEndsItsGeneration() async throws {
    let feed = PredictionFeed()
    let watch = try feed.watch()
    let scripted = ScriptedGeneration { _ in Script.opening.map(ScriptedGeneration.Step.event) + [.silence] }
    let generation = ObservedGeneration(scripted, feed: feed)
    do {
      for await event in try await generation.generate(request) { if case .promptFinished = event { break } }
    }
    for await _ in scripted.dropped { break }
    watch.1.finish()
  }

  @Test func watchersAreBounded() throws {
    let feed = PredictionFeed()
    var watches: [(AsyncStream<PredictionFeed.Item>, AsyncStream<PredictionFeed.Item>.Continuation)] = []
    for _ in 0..<8 { watches.append(try feed.watch()) }
    #expect(#expect(throws: AtelierError.self) { try feed.watch() }?.code == .serverBusy)
    for watch in watches { watch.1.finish() }
    #expect(!feed.isWatched)
  }

  @Test func neitherPagesNorStrangersWatch() async throws {
    let page = try await Harness().send(.get, "/atelier/log", headers: [.origin: "http://localhost:1234"])
    #expect(page.status == 403)
    var exposed = Harness()
    exposed.settings.host = "0.0.0.0"
    #expect(try await exposed.send(.get, "/atelier/log", authority: "127.0.0.1:1234").status == 403)
  }
}
