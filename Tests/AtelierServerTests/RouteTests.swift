import AtelierCore
import HTTPTypes
import Testing

struct RouteTests {
  @Test(arguments: [
    (HTTPRequest.Method.get, "/", 200), (.head, "/", 200), (.get, "/lmstudio-greeting", 200),
    (.get, "/api/v1/models", 200),
    (.get, "/api/v1/models/", 200), (.get, "//api/v1//models", 200), (.head, "/api/v1/models", 200),
    (.get, "/v1/models", 200), (.get, "/v1//models/?x=1", 200), (.get, "/v1/models/acme/tiny", 200),
    (.get, "/v1/models/acme%2Ftiny", 200), (.get, "/v1/models/ACME%2ftiny/", 200), (.get, "/v1/models/other", 404),
    (.get, "http://localhost:1234/v1/models", 200), (.get, "/v1", 404), (.get, "/models", 404),
    (.get, "/v2/models", 404),
    (.get, "/api/v1/models/acme", 404), (.get, "/v1/models/%zz", 404), (.post, "/v1/models/unload", 405),
    (.get, "/api/v1/chat", 405), (.put, "/api/v1/chat", 405), (.delete, "/v1/models", 405), (.post, "/", 405),
    (.get, "/api/v1/models/load", 405), (.trace, "/", 405), (.options, "/api/v1/models", 404),
    (.options, "/nowhere", 404),
  ])
  func statusOf(method: HTTPRequest.Method, path: String, status: Int) async throws {
    let answer = try await Harness().send(method, path)
    #expect(answer.status == status)
    #expect(answer.headers[HTTPField.Name("x-content-type-options")!] == "nosniff")
    #expect(answer.headers[HTTPField.Name("x-request-id")!]?.wholeMatch(of: /req_[0-9a-f]{24}/) != nil)
    #expect(answer.headers[.server] == nil)
  }

  @Test func aHeadAnswerHasTheLengthAndNoBody() async throws {
    let get = try await Harness().send(.get, "/v1/models")
    let head = try await Harness().send(.head, "/v1/models")
    #expect(!head.hasBody)
    #expect(head.headers[.contentLength] == String(get.body.utf8.count))
  }

  @Test func anUnknownPathSpeaksTheDialectOfItsSurface() async throws {
    let native = try JSONValue(parsing: try await Harness().send(.get, "/api/v1/nothing").body)
    #expect(native["error"]?["type"] == "invalid_request")
    #expect(native["error"]?["code"] == "unknown_endpoint")
    #expect(native["error"]?["message"] == "Unexpected endpoint or method. (GET /api/v1/nothing)")
    let openAI = try JSONValue(parsing: try await Harness().send(.post, "/v1/nothing?key=1").body)
    #expect(openAI["error"]?["type"] == "invalid_request_error")
    #expect(openAI["error"]?.objectValue?.keys.sorted() == ["code", "message", "param", "type"])
    #expect(openAI["error"]?["message"] == "Unexpected endpoint or method. (POST /v1/nothing)")
  }

  @Test func aWrongMethodNamesTheRightOnes() async throws {
    #expect(try await Harness().send(.get, "/api/v1/chat").headers[.allow] == "POST")
    #expect(try await Harness().send(.post, "/api/v1/models").headers[.allow] == "GET, HEAD")
  }

  @Test func theRootAndTheGreetingSayWhoIsThere() async throws {
    #expect(
      try await Harness().send(.get, "/").body == #"{"name":"atelier","lmstudio_compatible":true,"version":"1.2.3"}"#)
    #expect(try await Harness().send(.get, "/lmstudio-greeting").body == #"{"lmstudio":true}"#)
  }

  @Test func anEstimateTakesTheBodyOfALoad() async throws {
    let answer = try await Harness().send(.post, "/atelier/estimate", #"{"model":"acme/tiny","context_length":32}"#)
    #expect(
      answer.body == """
        {"model":"acme/tiny","context_length":32,"weights_bytes":5,"kv_cache_bytes":2,"compute_bytes":1,"total_bytes":8,\
        "available_bytes":7,"fits":false}
        """)
    let forced = try await Harness().send(.post, "/atelier/estimate", #"{"model":"acme/tiny","force":true}"#)
    #expect(try JSONValue(parsing: forced.body)["available_bytes"] == .null)
    #expect(try await Harness().send(.post, "/atelier/estimate", #"{"model":"none"}"#).status == 404)
    #expect(try await Harness().send(.post, "/atelier/estimate", #"{"model":"acme/tiny","x":1}"#).status == 400)
  }

  @Test func storedChatsAreListedExportedAndDeleted() async throws {
    #expect(
      try await Harness().send(.get, "/atelier/chats").body == """
        {"chats":[{"id":"resp_1","created_at":"1970-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:00.123Z",\
        "model":"acme/tiny","turns":1,"title":"Hello there"}]}
        """)
    let export = try await Harness().send(.get, "/atelier/chats/resp_1").body
    #expect(
      export == """
        {"id":"resp_1","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hello there"},\
        {"role":"assistant","content":"Hi.","reasoning":"Hm."}],"turns":[{"id":"resp_1",\
        "created_at":"2026-01-01T00:00:00.123Z","model":"acme/tiny","system_prompt":"Be kind.",\
        "input":[{"role":"user","content":"Hello there"}],"output":[{"type":"reasoning","content":"Hm."},\
        {"type":"message","content":"Hi."}],"finish_reason":"eosFound","stats":{"input_tokens":3,\
        "total_output_tokens":2,"reasoning_output_tokens":1,"tokens_per_second":2,"time_to_first_token_seconds":0.5}}]}
        """)
    #expect(
      try await Harness().send(.delete, "/atelier/chats/resp_1").body == #"{"id":"resp_1","deleted":true}"#)
    for method in [HTTPRequest.Method.get, .delete] {
      let missing = try await Harness().send(method, "/atelier/chats/resp_2")
      #expect(missing.status == 404)
      #expect(try JSONValue(parsing: missing.body)["error"]?["code"] == "response_not_found")
    }
  }

  @Test func modelsLoadAndUnload() async throws {
    let loaded = try await Harness().send(.post, "/api/v1/models/load", #"{"model":"acme/tiny"}"#)
    #expect(loaded.status == 200)
    #expect(
      loaded.body == #"{"type":"llm","instance_id":"acme/tiny:2","load_time_seconds":0.5,"status":"loaded"}"#)
    #expect(try await Harness().send(.post, "/api/v1/models/load", #"{"model":"x"}"#).status == 404)
    #expect(
      try await Harness().send(.post, "/api/v1/models/unload", #"{"instance_id":"acme/tiny"}"#).body
        == #"{"instance_id":"acme/tiny"}"#)
    let refused = try await Harness().send(.post, "/api/v1/models/unload", #"{"model":"acme/tiny"}"#)
    #expect(refused.status == 400)
  }

  @Test func modelsNotLoadedAreListedOnlyWhileTheyLoadOnDemand() async throws {
    var harness = Harness()
    #expect(try await harness.send(.get, "/v1/models").body.contains(#""id":"acme/tiny""#))
    harness.settings.jitEnabled = false
    #expect(try await harness.send(.get, "/v1/models").body.contains(#""id":"acme/tiny""#))
  }

  @Test(arguments: ["/api/v1/chat", "/v1/chat/completions", "/api/v1/models/load"])
  func aBodyThatIsNoJSONIsRefusedWhateverItsType(path: String) async throws {
    for body in ["", "{", "[1]", "{\"model\":\"a\"} x"] {
      let answer = try await Harness().send(
        .post, path, body, headers: [.contentType: "application/x-www-form-urlencoded"])
      #expect(answer.status == 400)
      #expect(try JSONValue(parsing: answer.body)["error"]?["code"] == "invalid_json")
    }
  }

  @Test func aBodyOverTheLimitIsRefusedByDeclarationAndByCount() async throws {
    var harness = Harness()
    harness.settings.maxBodyBytes = 1024
    let declared = try await harness.send(.post, "/api/v1/chat", "{}", headers: [.contentLength: "1025"])
    #expect(declared.status == 413)
    #expect(declared.headers[.connection] == "close")
    let padding = String(repeating: " ", count: 1024)
    #expect(try await harness.send(.post, "/api/v1/chat", padding + " ").status == 413)
    #expect(
      try await harness.send(.post, "/api/v1/models/unload", #"{"instance_id":"acme/tiny"}"# + padding.dropFirst(27))
        .status
        == 200)
  }

  @Test func aCompressedBodyIsRefused() async throws {
    #expect(try await Harness().send(.post, "/api/v1/chat", "x", headers: [.contentEncoding: "gzip"]).status == 415)
  }
}
