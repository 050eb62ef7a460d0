import AtelierCore
import HTTPTypes
import Testing

struct GenerationRouteTests {
  private static let native = #"{"model":"tiny","input":"Hi"}"#
  private static let nativeStream = #"{"model":"tiny","input":"Hi","stream":true}"#
  private static let openAI = #"{"model":"tiny","messages":[{"role":"user","content":"Hi"}]}"#
  private static let openAIStream = #"{"model":"tiny","messages":[{"role":"user","content":"Hi"}],"stream":true}"#
  private static let failure = AtelierError(.generationFailed, "It broke.")

  /// The lines after `data: `.
  private static func data(_ body: String) -> [String] {
    body.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map { String($0.dropFirst(6)) }
  }

  @Test func aWholeNativeAnswer() async throws {
    let answer = try await Harness().send(.post, "/api/v1/chat", Self.native)
    #expect(answer.status == 200)
    #expect(answer.headers[.contentType] == "application/json")
    let body = try JSONValue(parsing: answer.body)
    #expect(body["output"]?.arrayValue?.first?["content"] == "Hello.")
  }

  @Test func aNativeStreamIsItsEventsAndEndsWithTheWholeAnswer() async throws {
    let answer = try await Harness().send(.post, "/api/v1/chat", Self.nativeStream)
    #expect(answer.status == 200)
    #expect(answer.headers[.contentType] == "text/event-stream")
    #expect(answer.headers[.cacheControl] == "no-cache")
    #expect(answer.isFinished)
    #expect(answer.body.hasSuffix("\n\n"))
    let names = answer.body.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { $0.dropFirst(7) }
    #expect(names.first == "chat.start")
    #expect(names.last == "chat.end")
    #expect(names.filter { $0 == "message.delta" }.count == 2)
    let types = try Self.data(answer.body).map { try JSONValue(parsing: $0)["type"]?.stringValue }
    #expect(types == names.map { String($0) })
  }

  @Test func anOpenAIStreamEndsWithDone() async throws {
    let answer = try await Harness().send(.post, "/v1/chat/completions", Self.openAIStream)
    #expect(answer.headers[.contentType] == "text/event-stream; charset=utf-8")
    #expect(Self.data(answer.body).last == "[DONE]")
    let text = try Self.data(answer.body).dropLast().compactMap {
      try JSONValue(parsing: $0)["choices"]?.arrayValue?.first?["delta"]?["content"]?.stringValue
    }
    #expect(text.joined() == "Hello.")
  }

  @Test(arguments: [native, nativeStream])
  func whatIsRefusedBeforeTheStreamIsAPlainErrorEvenForAStream(body: String) async throws {
    let refusing = ScriptedGeneration { _ throws(AtelierError) in
      throw AtelierError(.modelNotFound, "No model 'tiny'.", param: "model")
    }
    let answer = try await Harness(refusing).send(.post, "/api/v1/chat", body)
    #expect(answer.status == 404)
    #expect(answer.headers[.contentType] == "application/json")
  }

  @Test func aFailureBeforeTheCommitPointIsAnHTTPErrorOnOpenAI() async throws {
    let events: [GenerationEvent] = [
      .instanceSelected(Script.instance), .loadStarted, .failed(AtelierError(.modelLoadFailed, "Broken file.")),
      .finished(GenerationResult(finishReason: .failed)),
    ]
    let answer = try await Harness(ScriptedGeneration(events)).send(.post, "/v1/chat/completions", Self.openAIStream)
    #expect(answer.status == 500)
    #expect(answer.headers[HTTPField.Name("x-should-retry")!] == "false")
    #expect(try JSONValue(parsing: answer.body)["error"]?["code"] == "model_load_failed")
  }

  @Test func aFailureAfterItIsAnErrorFrameWithoutDone() async throws {
    let events =
      Script.opening + [
        .messageStarted, .messageDelta("Hel", []), .messageFinished, .failed(Self.failure),
        .finished(GenerationResult(finishReason: .failed)),
      ]
    let answer = try await Harness(ScriptedGeneration(events)).send(.post, "/v1/chat/completions", Self.openAIStream)
    #expect(answer.status == 200)
    let last = try #require(Self.data(answer.body).last)
    #expect(try JSONValue(parsing: last)["error"]?["message"] == "It broke.")
    #expect(answer.isFinished)
  }

  @Test func aLoadFailureOfANativeStreamComesAfterItsStart() async throws {
    let events: [GenerationEvent] = [
      .instanceSelected(Script.instance), .loadStarted, .failed(AtelierError(.modelLoadFailed, "Broken file.")),
      .finished(GenerationResult(instance: Script.instance, finishReason: .failed)),
    ]
    let answer = try await Harness(ScriptedGeneration(events)).send(.post, "/api/v1/chat", Self.nativeStream)
    #expect(answer.status == 200)
    let types = try Self.data(answer.body).map { try JSONValue(parsing: $0)["type"]?.stringValue }
    #expect(types == ["chat.start", "model_load.start", "model_load.progress", "error", "chat.end"])
  }

  @Test func aFailureOfAWholeAnswerIsAnHTTPErrorWithoutPartialOutput() async throws {
    let events =
      Script.opening + [
        .messageStarted, .messageDelta("Hel", []), .messageFinished, .failed(Self.failure),
        .finished(GenerationResult(finishReason: .failed)),
      ]
    for (path, body) in [("/api/v1/chat", Self.native), ("/v1/chat/completions", Self.openAI)] {
      let answer = try await Harness(ScriptedGeneration(events)).send(.post, path, body)
      #expect(answer.status == 500)
      #expect(!answer.body.contains("Hel\""))
    }
  }

  @Test func severalChoicesAreGeneratedWithSeedsOfTheirOwn() async throws {
    let generation = ScriptedGeneration { request in
      Script.answer("seed ", "\(request.sampling.seed ?? 0)").map(ScriptedGeneration.Step.event)
    }
    let body = #"{"model":"tiny","n":3,"seed":7,"messages":[{"role":"user","content":"Hi"}],"stream":STREAM}"#
    let whole = try await Harness(generation).send(
      .post, "/v1/chat/completions", body.replacing("STREAM", with: "false"))
    let choices = try JSONValue(parsing: whole.body)["choices"]?.arrayValue ?? []
    #expect(choices.map { $0["index"]?.integerValue } == [0, 1, 2])
    #expect(choices.map { $0["message"]?["content"] } == ["seed 7", "seed 8", "seed 9"])
    #expect(generation.requests.map(\.sampling.seed) == [7, 8, 9])

    let streamed = try await Harness(generation).send(
      .post, "/v1/chat/completions", body.replacing("STREAM", with: "true"))
    let frames = try Self.data(streamed.body).filter { $0 != "[DONE]" }.map { try JSONValue(parsing: $0) }
    var texts = [Int: String](), seen: [Int] = []
    for choice in frames.compactMap({ $0["choices"]?.arrayValue?.first }) {
      let index = choice["index"]?.integerValue ?? -1
      if !seen.contains(index) { seen.append(index) }
      texts[index, default: ""] += choice["delta"]?["content"]?.stringValue ?? ""
    }
    #expect(seen == [0, 1, 2])
    #expect(texts == [0: "seed 7", 1: "seed 8", 2: "seed 9"])
    #expect(Self.data(streamed.body).filter { $0 == "[DONE]" }.count == 1)
  }

  @Test func manyEventsArriveWholeAndInOrder() async throws {
    let pieces = (0..<20_000).map { "\($0) " }
    let events =
      Script.opening + [.messageStarted] + pieces.map { .messageDelta($0, []) } + [
        .messageFinished, .finished(Script.result(pieces.joined())),
      ]
    let answer = try await Harness(ScriptedGeneration(events)).send(.post, "/api/v1/chat", Self.nativeStream)
    let deltas = try Self.data(answer.body).map { try JSONValue(parsing: $0) }
      .filter { $0["type"] == "message.delta" }.compactMap { $0["content"]?.stringValue }
    #expect(deltas.joined() == pieces.joined())
    #expect(answer.writes.count < events.count)
  }
}
