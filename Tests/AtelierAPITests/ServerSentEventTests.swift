import AtelierAPI
import AtelierCore
import Testing

struct ServerSentEventTests {
  private func text(_ event: ServerSentEvent) -> String {
    var bytes: [UInt8] = []
    event.write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func linesEndWithAnEmptyLine() {
    #expect(text(.json(["a": "x\ny"])) == "data: {\"a\":\"x\\ny\"}\n\n")
    #expect(text(.json(["a": 1], name: "chat.end")) == "event: chat.end\ndata: {\"a\":1}\n\n")
    #expect(text(.comment("ping")) == ": ping\n\n")
  }

  @Test func eachDialectKeepsItsConnectionsOpenInItsOwnWay() throws {
    let native = LMStudioV1Chat.encoder(for: LMStudioV1Chat.Context(isStreaming: true))
    #expect(native.keepAlive() == .comment("ping"))
    let body: JSONValue = ["messages": [["role": "user", "content": "x"]]]
    let openAI = OpenAIChat.encoder(
      for: try OpenAIChat.decode(body, stamp: ResponseStamp(created: 0, token: "")).context)
    #expect(openAI.keepAlive() == .comment("keep-alive"))
    #expect(LMStudioV1Chat.keepAliveSeconds == 15 && OpenAIChat.keepAliveSeconds == 10)
  }

  @Test func rootAndUnknownPathsAnswer() {
    #expect(
      ServerRoot.body(version: "1.2").serialized()
        == #"{"name":"atelier","lmstudio_compatible":true,"version":"1.2"}"#)
    #expect(ServerRoot.greeting.serialized() == #"{"lmstudio":true}"#)
    let unknown = AtelierError.unknownEndpoint(method: "GET", path: "/x")
    #expect(unknown.message == "Unexpected endpoint or method. (GET /x)")
    #expect(LMStudioV1Error.response(to: unknown).status == 404)
    #expect(OpenAIError.response(to: .methodNotAllowed(method: "PUT", path: "/v1/models")).status == 405)
    let long = AtelierError.unknownEndpoint(method: "GET", path: String(repeating: "/x", count: 9000))
    #expect(long.message.utf8.count < 400)
  }

  @Test func fieldsFromBehindTheDialectsGetTheRoutesNames() {
    let overflow = AtelierError(
      .contextLengthExceeded, "", param: "input", details: ["prompt_tokens": 12, "context_length": 8])
    let body = OpenAIError.response(to: overflow, inputField: "prompt").body
    #expect(body["error"]?["param"] == "prompt")
    #expect(
      body["error"]?["message"]
        == "This model's maximum context length is 8 tokens. However, your prompt resulted in 12 tokens. Please reduce the length of the prompt."
    )
    let reasoning = AtelierError(.invalidValue, "", param: "reasoning")
    #expect(OpenAIError.response(to: reasoning).body["error"]?["param"] == "reasoning_effort")
    #expect(LMStudioV1Error.response(to: reasoning).body["error"]?["param"] == "reasoning")
  }

  @Test func retryHintsFollowTheError() {
    let busy = AtelierError(.serverBusy, "", retryAfter: 7)
    #expect(OpenAIError.response(to: busy).headers == ["Retry-After": "7"])
    let died = AtelierError(.engineDied, "", retryAfter: 1)
    #expect(OpenAIError.response(to: died).headers == ["Retry-After": "1"])
    #expect(OpenAIError.response(to: AtelierError(.engineDied, "")).headers == ["x-should-retry": "false"])
  }
}
