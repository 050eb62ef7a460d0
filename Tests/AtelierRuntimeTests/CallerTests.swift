import AtelierCore
import AtelierRuntime
import AtelierStore
import AtelierTesting
import Testing

/// What a caller may do, and what belongs to it.
struct CallerTests {
  private let reader = Caller(tokenID: "reader01", permissions: Permissions(modelsLoad: false))
  private let loader = Caller(tokenID: "loader01", permissions: .standard)

  @Test func withoutTheRightToLoadOnlyWhatIsLoadedAnswers() async throws {
    let fixture = try RuntimeFixture()
    var request = fixture.request("a")
    request.caller = reader
    let refused = request
    #expect(await code { try await fixture.answer(refused) } == .permissionDenied)
    let inputs = EmbeddingRequest(inputs: [.text("x")])
    #expect(
      await code {
        try await fixture.service.embed(model: "text-embedding-e", inputs, timeToLive: nil, caller: reader)
      } == .permissionDenied)
    let documents = RerankRequest(query: "q", documents: ["d"])
    #expect(
      await code {
        try await fixture.service.rerank(model: "text-embedding-e", documents, timeToLive: nil, caller: reader)
      } == .permissionDenied)
    #expect(fixture.launcher.loads.isEmpty)

    request.caller = loader
    #expect(try await fixture.answer(request).result?.finishReason == .endOfText)
    _ = try await fixture.service.embed(model: "text-embedding-e", inputs, timeToLive: nil, caller: loader)
    request.caller = reader
    #expect(try await fixture.answer(request).result?.finishReason == .endOfText)
    _ = try await fixture.service.embed(model: "text-embedding-e", inputs, timeToLive: nil, caller: reader)
    // A larger context needs another load.
    request.contextLength = 8192
    let larger = request
    #expect(await code { try await fixture.answer(larger) } == .permissionDenied)
    #expect(fixture.launcher.loads.count == 2)
    // Counting loads no model.
    _ = try await fixture.service.countTokens(request)
  }

  @Test func aChatBelongsToItsToken() async throws {
    let fixture = try RuntimeFixture()
    let library = ChatLibrary(store: fixture.store)
    let operating = Caller(tokenID: "operator", permissions: Permissions(allChats: true))
    var request = fixture.request(store: true)
    request.caller = loader
    let id = try #require(try await fixture.answer(request).result?.responseID)
    #expect(try await fixture.store.node(id)?.owner == "loader01")

    request.previousResponseID = id
    for other in [reader, operating, .anonymous] {
      request.caller = other
      let foreign = request
      #expect(await code { try await fixture.answer(foreign) } == .previousResponseNotFound)
      #expect(await code { try await fixture.service.turn(id, of: other) } == .responseNotFound)
      #expect(await code { try await fixture.service.forget(id, of: other) } == .responseNotFound)
    }
    for other in [reader, .anonymous] {
      #expect(try await library.chats(in: other.visibleChats, limit: 9).isEmpty)
      #expect(await code { try await library.chat(id, in: other.visibleChats) } == .responseNotFound)
      #expect(await code { try await library.deleteChat(id, in: other.visibleChats) } == .responseNotFound)
    }
    request.caller = loader
    let next = try #require(try await fixture.answer(request).result?.responseID)
    #expect(try await fixture.service.turn(next, of: loader).previousID == id)
    #expect(try await library.chats(in: loader.visibleChats, limit: 9).map(\.id) == [next])
    #expect(try await library.chats(in: operating.visibleChats, limit: 9).map(\.id) == [next])
    try await library.deleteChat(next, in: operating.visibleChats)
    #expect(try await library.chats(in: loader.visibleChats, limit: 9).isEmpty)
  }

  @Test func whatWasMadeWithoutAuthenticationIsSeenWithoutIt() async throws {
    let fixture = try RuntimeFixture()
    let library = ChatLibrary(store: fixture.store)
    let request = fixture.request(store: true)
    let id = try #require(try await fixture.answer(request).result?.responseID)
    #expect(try await library.chats(in: Caller.anonymous.visibleChats, limit: 9).map(\.id) == [id])
    #expect(try await library.chats(in: loader.visibleChats, limit: 9).isEmpty)
  }
}
