import AtelierCore
import HTTPTypes
import Testing

struct AnthropicRouteTests {
  private static let requestID = HTTPField.Name("request-id")!

  private func body(model: String = "tiny", stream: Bool = false) -> String {
    #"{"model":"\#(model)","max_tokens":9,"stream":\#(stream),"messages":[{"role":"user","content":"Hi"}]}"#
  }

  /// Knows one model and refuses all others.
  private static func onlyTiny() -> ScriptedGeneration {
    ScriptedGeneration { request throws(AtelierError) in
      guard request.model == "tiny" || request.model == "acme/tiny" else {
        throw AtelierError(.modelNotFound, "No model '\(request.model)'.", param: "model")
      }
      return Script.answer("Hel", "lo.").map(ScriptedGeneration.Step.event)
    }
  }

  @Test func everyAnswerHasARequestID() async throws {
    for path in ["/v1/messages", "/v1/messages?beta=true", "/v1/messages/nowhere"] {
      let answer = try await Harness().send(.post, path, body())
      #expect(answer.headers[Self.requestID]?.hasPrefix("req_") == true)
      #expect(answer.headers[Self.requestID] == answer.headers[HTTPField.Name("x-request-id")!])
    }
    #expect(try await Harness().send(.get, "/v1/models").headers[Self.requestID] == nil)
  }

  @Test func errorsRepeatTheRequestID() async throws {
    for path in ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages/nowhere"] {
      let answer = try await Harness().send(.post, path, "{")
      let error = try JSONValue(parsing: answer.body)
      #expect(error["type"] == "error")
      #expect(error["request_id"]?.stringValue == answer.headers[Self.requestID])
    }
  }

  @Test func aBrokenStreamEndsWithAnErrorThatNamesTheRequest() async throws {
    let events: [GenerationEvent] =
      Script.opening + [
        .messageStarted, .messageDelta("Ha", []), .messageFinished, .failed(AtelierError(.engineDied, "It died.")),
        .finished(GenerationResult(finishReason: .failed)),
      ]
    let answer = try await Harness(ScriptedGeneration(events)).send(.post, "/v1/messages", body(stream: true))
    #expect(answer.status == 200)
    let id = try #require(answer.headers[Self.requestID])
    #expect(answer.body.hasSuffix(#""message":"It died."},"request_id":"\#(id)"}"# + "\n\n"))
    #expect(answer.body.contains("event: error\n"))
  }

  @Test func tokensAreCounted() async throws {
    let answer = try await Harness().send(.post, "/v1/messages/count_tokens?beta=true", body())
    #expect(answer.status == 200 && answer.body == #"{"input_tokens":42}"#)
  }

  @Test func claudesNamesFallBackToTheModelInUse() async throws {
    let harness = Harness(Self.onlyTiny())
    let responder = harness.responder
    func send(_ model: String, _ path: String = "/v1/messages") async throws -> RecordingSink {
      try await harness.send(.post, path, body(model: model), responder: responder)
    }
    // Nothing was answered yet: the only loaded model.
    let first = try await send("claude-haiku-4-5")
    #expect(first.status == 200)
    #expect(try JSONValue(parsing: first.body)["model"] == "claude-haiku-4-5")
    #expect(harness.generation.requests.last?.model == "acme/tiny")
    #expect(try await send("tiny").status == 200)
    #expect(try await send("claude-haiku-4-5").status == 200)
    #expect(harness.generation.requests.last?.model == "tiny")
    #expect(try await send("claude-opus-9", "/v1/messages/count_tokens").status == 200)
    #expect(try await send("other").status == 404)
  }

  @Test func claudesNamesAreUnknownElsewhereAndWhenSwitchedOff() async throws {
    var harness = Harness(Self.onlyTiny())
    let chat = #"{"model":"claude-haiku-4-5","messages":[{"role":"user","content":"Hi"}]}"#
    #expect(try await harness.send(.post, "/v1/chat/completions", chat).status == 404)
    harness.settings.mapClaudeNames = false
    #expect(try await harness.send(.post, "/v1/messages", body(model: "claude-haiku-4-5")).status == 404)
  }
}
