import AtelierCore
import HTTPTypes
import Testing

struct DialectRouteTests {
  @Test(arguments: [
    (HTTPRequest.Method.get, "/api/v0/models", 200), (.get, "/api/v0/models/acme/tiny", 200),
    (.get, "/api/v0/models/acme%2Ftiny", 200), (.get, "/api/v0/models/other", 404), (.get, "/v1/completions", 405),
    (.get, "/v1/messages", 405), (.post, "/api/v0/models", 405), (.post, "/api/v0/responses", 404),
  ])
  func statusOf(method: HTTPRequest.Method, path: String, status: Int) async throws {
    #expect(try await Harness().send(method, path).status == status)
  }

  @Test(arguments: ["/v1/completions", "/api/v0/completions"])
  func severalPromptsAreSeveralGenerations(path: String) async throws {
    let harness = Harness()
    let answer = try await harness.send(.post, path, #"{"model":"tiny","prompt":["a","b"],"n":2,"seed":1}"#)
    let choices = try #require(try JSONValue(parsing: answer.body)["choices"]?.arrayValue)
    #expect(choices.compactMap { $0["index"]?.integerValue } == [0, 1, 2, 3])
    #expect(harness.generation.requests.map(\.input) == [.text("a"), .text("a"), .text("b"), .text("b")])
    #expect(harness.generation.requests.map(\.sampling.seed) == [1, 2, 1, 2])
  }

  @Test func v0AddsItsObjects() async throws {
    let body = #"{"model":"tiny","messages":[{"role":"user","content":"Hi"}]}"#
    let legacy = try JSONValue(parsing: try await Harness().send(.post, "/api/v0/chat/completions", body).body)
    #expect(legacy["model_info"]?["context_length"] == 64 && legacy["runtime"] != nil && legacy["stats"] != nil)
    let plain = try JSONValue(parsing: try await Harness().send(.post, "/v1/chat/completions", body).body)
    #expect(plain["model_info"] == nil && plain["choices"] == legacy["choices"])
  }

  @Test func embeddings() async throws {
    let embedded = try await Harness().send(.post, "/v1/embeddings", #"{"model":"tiny","input":["a","b"]}"#)
    #expect(try JSONValue(parsing: embedded.body)["data"]?.arrayValue?.count == 2)
    let legacy = try await Harness().send(.post, "/api/v0/embeddings", #"{"model":"tiny","input":"a"}"#)
    #expect(try JSONValue(parsing: legacy.body)["model"] == "tiny@q4_1")
  }

  @Test(arguments: ["/v1/rerank", "/v2/rerank"]) func ranks(path: String) async throws {
    let ranked = try await Harness().send(
      .post, path, #"{"model":"tiny","query":"q","documents":["a","b"],"top_n":1}"#)
    #expect(
      try JSONValue(parsing: ranked.body)["results"] == [["index": 1, "relevance_score": 0.5]])
    let refused = try JSONValue(parsing: try await Harness().send(.post, path, #"{"query":"q","documents":[]}"#).body)
    #expect(refused["error"]?["param"] == "documents" && refused["error"]?["type"] == "invalid_request_error")
  }

  @Test(arguments: [
    ("/v1/completions", "prompt"), ("/v1/chat/completions", "messages"), ("/api/v0/completions", "prompt"),
    ("/api/v0/chat/completions", "messages"),
  ])
  func overflowNamesTheRoutesField(path: String, field: String) async throws {
    let refusing = ScriptedGeneration { _ throws(AtelierError) in
      throw AtelierError(.contextLengthExceeded, "", details: ["prompt_tokens": 9, "context_length": 4])
    }
    let input = path.contains("chat") ? #""messages":[{"role":"user","content":"Hi"}]"# : #""prompt":"a""#
    let answer = try await Harness(refusing).send(.post, path, #"{"model":"tiny",\#(input)}"#)
    #expect(answer.status == 400)
    #expect(try JSONValue(parsing: answer.body)["error"]?["param"]?.stringValue == field)
  }

  @Test(arguments: ["/v1/completions", "/v1/embeddings", "/v1/rerank", "/v2/rerank", "/api/v0/embeddings"])
  func aBodyThatIsNoJSONIsRefused(path: String) async throws {
    let answer = try await Harness().send(.post, path, "{")
    #expect(answer.status == 400)
    #expect(try JSONValue(parsing: answer.body)["error"]?["code"] == "invalid_json")
  }
}
