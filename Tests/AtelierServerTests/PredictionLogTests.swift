import AtelierAccess
import AtelierCore
import HTTPTypes
import HummingbirdCore
import NIOCore
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

  /// Authentication may also be turned on while somebody watches without.
  @Test(arguments: [true, false])
  func whoMayWatchIsAskedAgainBeforeEveryWord(hasToken: Bool) async throws {
    let folder = try TokenFolder()
    let token = try folder.add(Permissions(allChats: true))
    let isOn = Flag()
    isOn.value = hasToken
    let harness = Harness()
    let responder = {
      var harness = harness
      harness.authorizer = SwitchedAuthorizer(folder.authorizer()) { isOn.value }
      return harness.responder
    }()
    let headers: HTTPFields = hasToken ? [.authorization: "Bearer \(token.text.value)"] : [:]
    let sink = RecordingSink()
    let head = HTTPRequest(
      method: .get, scheme: "http", authority: "localhost:1234", path: "/atelier/log", headerFields: headers)
    let watching = Task {
      try await responder.respond(
        to: Request(head: head, body: RequestBody(buffer: ByteBuffer())), Exchange(head, sink: sink), localPort: 1234)
    }
    func ask() async throws {
      _ = try await harness.send(
        .post, "/api/v1/chat", #"{"model":"tiny","input":"What?"}"#,
        headers: [.authorization: "Bearer \(try folder.add().text.value)"], responder: responder)
    }
    while sink.writes.isEmpty { await Task.yield() }
    try await ask()
    while sink.writes.count < 3 { await Task.yield() }
    #expect(sink.body.contains("What?"))
    let seen = sink.writes
    if hasToken { try folder.revoke(token) } else { isOn.value = true }
    try await ask()
    while sink.writes == seen, !sink.isFinished { await Task.yield() }
    #expect(sink.writes == seen && sink.isFinished)
    watching.cancel()
    _ = try? await watching.value
  }

  @Test func neitherPagesNorStrangersWatch() async throws {
    let page = try await Harness().send(.get, "/atelier/log", headers: [.origin: "http://localhost:1234"])
    #expect(page.status == 403)
    var exposed = Harness()
    exposed.settings.host = "0.0.0.0"
    #expect(try await exposed.send(.get, "/atelier/log", authority: "127.0.0.1:1234").status == 403)
  }
}
