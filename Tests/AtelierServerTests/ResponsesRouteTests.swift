import AtelierCore
import HTTPTypes
import Synchronization
import Testing

struct ResponsesRouteTests {
  private static let turn = StoredTurn(
    id: "resp_ab", input: [Message(.user, "Hi"), Message(.user, "there")], output: [.message("Hello")],
    modelKey: "tiny",
    completedAt: 5000)

  private static func events(_ body: String) throws -> [JSONValue] {
    try body.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map {
      try JSONValue(parsing: String($0.dropFirst(6)))
    }
  }

  private func harness(_ generation: ScriptedGeneration = ScriptedGeneration(Script.answer("Hel", "lo."))) -> Harness {
    var harness = Harness(generation)
    harness.turns = ScriptedTurns(Self.turn)
    return harness
  }

  @Test func wholeAndStreamed() async throws {
    let whole = try await harness().send(.post, "/v1/responses", #"{"model":"tiny","input":"Hi"}"#)
    let body = try JSONValue(parsing: whole.body)
    #expect(whole.status == 200 && body["status"] == "completed")
    #expect(body["output"]?.arrayValue?.first?["content"]?.arrayValue?.first?["text"] == "Hello.")
    #expect(body["id"]?.stringValue?.wholeMatch(of: /resp_[0-9a-f]{48}/) != nil)
    let streamed = try await harness().send(.post, "/v1/responses", #"{"model":"tiny","input":"Hi","stream":true}"#)
    #expect(streamed.headers[.contentType] == "text/event-stream; charset=utf-8")
    let events = try Self.events(streamed.body)
    #expect(events.first?["type"] == "response.created" && events.last?["type"] == "response.completed")
    #expect(!streamed.body.contains("[DONE]"))
  }

  @Test(arguments: [true, false]) func anOverflowIsShownInTheStream(early: Bool) async throws {
    let error = AtelierError(.contextLengthExceeded, "", details: ["prompt_tokens": 9, "context_length": 4])
    let generation = ScriptedGeneration { _ throws(AtelierError) in
      if early { throw error }
      return [
        .event(.instanceSelected(Script.instance)), .event(.failed(error)),
        .event(.finished(GenerationResult(finishReason: .failed))),
      ]
    }
    let streamed = try await harness(generation).send(
      .post, "/v1/responses", #"{"model":"tiny","input":"x","stream":true}"#)
    #expect(streamed.status == 200)
    let events = try Self.events(streamed.body)
    #expect(events.map { $0["type"] } == ["response.created", "response.in_progress", "response.failed"])
    #expect(events.last?["response"]?["error"]?["code"] == "context_length_exceeded")
    let whole = try await harness(generation).send(.post, "/v1/responses", #"{"model":"tiny","input":"x"}"#)
    #expect(whole.status == 400)
    #expect(try JSONValue(parsing: whole.body)["error"]?["param"] == "input")
  }

  @Test func otherRefusalsAreStatuses() async throws {
    let refusing = ScriptedGeneration { _ throws(AtelierError) in throw AtelierError(.mcpDisabled, "No.") }
    let answer = try await harness(refusing).send(
      .post, "/v1/responses", #"{"model":"tiny","input":"x","stream":true}"#)
    #expect(answer.status == 403)
    #expect(
      try JSONValue(parsing: answer.body)["error"] == [
        "message": "No.", "type": "permission_error", "param": "tools", "code": "mcp_disabled",
      ])
  }

  @Test func storedResponsesAreFetchedAndDeleted() async throws {
    let harness = harness()
    let fetched = try await harness.send(.get, "/v1/responses/resp_ab?include=x")
    #expect(try JSONValue(parsing: fetched.body)["id"] == "resp_ab")
    #expect(try await harness.send(.get, "/v1/responses/resp_ab?stream=true").status == 400)
    let items = try await harness.send(.get, "/v1/responses/resp_ab/input_items?limit=1&order=asc")
    #expect(try JSONValue(parsing: items.body)["last_id"] == "msg_ab_in0")
    #expect(try await harness.send(.get, "/v1/responses/resp_ab/input_items?limit=0").status == 400)
    let ended = try await harness.send(.post, "/v1/responses/resp_ab/cancel")
    #expect(try JSONValue(parsing: ended.body)["status"] == "completed")
    let deleted = try await harness.send(.delete, "/v1/responses/resp_ab")
    #expect(try JSONValue(parsing: deleted.body) == ["id": "resp_ab", "object": "response", "deleted": true])
    for (method, path) in [(HTTPRequest.Method.get, ""), (.delete, ""), (.get, "/input_items"), (.post, "/cancel")] {
      let answer = try await harness.send(method, "/v1/responses/resp_ab" + path)
      #expect(answer.status == 404)
      #expect(try JSONValue(parsing: answer.body)["error"]?["code"] == "response_not_found")
    }
  }

  @Test(arguments: [
    (HTTPRequest.Method.get, "/v1/responses", 405), (.post, "/v1/responses/resp_ab", 405),
    (.get, "/v1/responses/resp_ab/cancel", 405), (.post, "/v1/responses/resp_ab/input_items", 405),
    (.get, "/v1/responses/resp_ab/other", 404), (.head, "/v1/responses/resp_ab", 200),
  ])
  func statusOf(method: HTTPRequest.Method, path: String, status: Int) async throws {
    #expect(try await harness().send(method, path).status == status)
  }

  @Test func referencesAreResolved() async throws {
    let harness = harness()
    let body = #"{"model":"tiny","input":[{"type":"item_reference","id":"msg_ab_0"},{"role":"user","content":"x"}]}"#
    #expect(try await harness.send(.post, "/v1/responses", body).status == 200)
    #expect(
      harness.generation.requests.first?.input == .chat([Message(.assistant, "Hello"), Message(.user, "x")]))
    let unknown = try await harness.send(.post, "/v1/responses", body.replacing("msg_ab_0", with: "msg_cd_0"))
    #expect(unknown.status == 400)
    #expect(try JSONValue(parsing: unknown.body)["error"]?["param"] == "input.0.id")
  }

  @Test func tokensOfARequestAreCounted() async throws {
    let harness = harness()
    let body =
      #"{"model":"tiny","instructions":"Be brief.","input":[{"id":"msg_ab_0"}],"previous_response_id":"resp_ab"}"#
    let answer = try await harness.send(.post, "/v1/responses/input_tokens", body)
    #expect(answer.body == #"{"object":"response.input_tokens","input_tokens":42}"#)
    let counted = try #require(harness.generation.requests.first)
    #expect(counted.input == .chat([Message(.assistant, "Hello")]) && counted.systemPrompt == "Be brief.")
    #expect(counted.previousResponseID == "resp_ab" && counted.model == "tiny")
    for (body, param) in [
      ("{", nil), (#"{"input":[{"id":"msg_cd_0"}]}"#, "input.0.id"), (#"{"input":"x","tools":3}"#, "tools"),
      (#"{"input":"x","tools":[{"type":"mcp","server_label":"a","server_url":"https://a.example"}]}"#, "tools"),
    ] {
      let refused = try await harness.send(.post, "/v1/responses/input_tokens", body)
      #expect(refused.status == 400)
      #expect(try JSONValue(parsing: refused.body)["error"]?["param"]?.stringValue == param)
    }
    let refusing = ScriptedGeneration { _ throws(AtelierError) in
      throw AtelierError(.contextLengthExceeded, "", details: ["prompt_tokens": 9, "context_length": 4])
    }
    let overflow = try await Harness(refusing).send(.post, "/v1/responses/input_tokens", #"{"input":"x"}"#)
    #expect(try JSONValue(parsing: overflow.body)["error"]?["param"] == "input")
  }

  @Test func aRunningAnswerIsEndedByItsName() async throws {
    let generation = ScriptedGeneration { _ throws(AtelierError) in
      (Script.opening + [.messageStarted, .messageDelta("and the sea ", [])]).map(ScriptedGeneration.Step.event) + [
        .silence
      ]
    }
    let harness = harness(generation)
    let responder = harness.responder
    async let streamed = harness.send(
      .post, "/v1/responses", #"{"model":"tiny","input":"Hi","stream":true}"#, responder: responder)
    var id: String?
    for _ in 0..<10_000 where id == nil {
      await Task.yield()
      id = generation.requests.first?.responseID
    }
    let path = "/v1/responses/\(try #require(id))/cancel"
    var cancelled = try await harness.send(.post, path, responder: responder)
    for _ in 0..<10_000 where cancelled.status == 404 {
      await Task.yield()
      cancelled = try await harness.send(.post, path, responder: responder)
    }
    #expect(try JSONValue(parsing: cancelled.body)["status"] == "cancelled")
    let last = try #require(try Self.events(try await streamed.body).last)
    #expect(last["type"] == "response.incomplete" && last["response"]?["status"] == "cancelled")
    for await _ in generation.dropped { break }
    #expect(try await harness.send(.post, path, responder: responder).status == 404)
  }
}
