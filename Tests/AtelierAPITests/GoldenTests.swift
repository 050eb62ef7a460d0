import AtelierAPI
import AtelierCore
import AtelierTesting
import Foundation
import Testing

/// Each case is a request and a list of events; expected are the stream and the whole answer, byte for byte.
struct GoldenTests {
  private static let stamp = ResponseStamp(
    created: 1_763_800_000, token: "8f2k1m0q9z7x4c5v6b3nabcd", requestID: "req_0f3a",
    responseID: "resp_0f3c6a1d9b7e42c8a5d01f6e7b2c93d4e8f7a6b5c4d3e2f1", seal: ReasoningSeal(key: [7]))

  @Test(arguments: GoldenFiles.cases("LMStudioV1")) func native(name: String) throws {
    try check(LMStudioV1Chat.self, "LMStudioV1", name)
  }

  @Test(arguments: GoldenFiles.cases("OpenAIChat")) func openAIChat(name: String) throws {
    try check(OpenAIChat.self, "OpenAIChat", name)
  }

  @Test(arguments: GoldenFiles.cases("LMStudioV0Chat")) func legacyChat(name: String) throws {
    try check(LMStudioV0Chat.self, "LMStudioV0Chat", name)
  }

  @Test(arguments: GoldenFiles.cases("OpenAICompletions")) func openAICompletions(name: String) throws {
    try check(OpenAICompletions.self, "OpenAICompletions", name)
  }

  @Test(arguments: GoldenFiles.cases("LMStudioV0Completions")) func legacyCompletions(name: String) throws {
    try check(LMStudioV0Completions.self, "LMStudioV0Completions", name)
  }

  @Test(arguments: GoldenFiles.cases("Anthropic")) func anthropic(name: String) throws {
    try check(AnthropicMessages.self, "Anthropic", name)
  }

  @Test(arguments: GoldenFiles.cases("OpenAIResponses")) func openAIResponses(name: String) throws {
    try check(OpenAIResponses.self, "OpenAIResponses", name)
  }

  @Test func everyEventListRunsThroughEveryDialect() {
    let dialects = [
      "LMStudioV1", "OpenAIChat", "OpenAIResponses", "LMStudioV0Chat", "OpenAICompletions", "LMStudioV0Completions",
      "Anthropic",
    ]
    for dialect in dialects {
      let lists = Set(GoldenFiles.cases(dialect).map { String($0.split(separator: ".")[0]) })
      #expect(lists == Set(GoldenFiles.eventLists), "\(dialect)")
    }
    #expect(GoldenFiles.eventLists.count >= 15)
  }

  @Test(arguments: GoldenFiles.eventLists) func listKeepsTheContract(name: String) throws {
    let events = try GoldenFiles.events(name)
    #expect(EventContract.violations(in: events) == [])
    #expect(try EventScript.events(EventScript.script(events)) == events)
  }

  @Test(arguments: ["LMStudioV1", "OpenAI", "Anthropic"]) func errors(dialect: String) throws {
    let respond =
      switch dialect {
      case "OpenAI": OpenAIChat.response
      case "Anthropic": AnthropicMessages.response
      default: LMStudioV1Chat.response
      }
    let all = AtelierError.Code.allCases.map { code in
      let details: JSONObject = code == .contextLengthExceeded ? ["prompt_tokens": 9000, "context_length": 4096] : [:]
      return (code.rawValue, GoldenFiles.pretty(respond(AtelierError(code, "What happened.", details: details))))
    }
    let actual = GoldenFiles.pretty(.object(JSONObject(all))) + "\n"
    #expect(try GoldenFiles.expected("\(dialect)Errors.json", actual: actual) == actual)
  }

  // MARK: The check

  private func check<D: Dialect>(_ dialect: D.Type, _ folder: String, _ name: String) throws {
    let decoded = try D.decode(GoldenFiles.json("\(folder)/\(name)/request.json"), stamp: Self.stamp)
    let events = try GoldenFiles.events(name)
    let stream = try streamed(D.self, events, decoded.context)
    #expect(try GoldenFiles.expected("\(folder)/\(name)/response.sse", actual: stream) == stream)
    let whole = GoldenFiles.pretty(try answered(D.self, events, decoded.context)) + "\n"
    #expect(try GoldenFiles.expected("\(folder)/\(name)/response.json", actual: whole) == whole)
  }

  /// The stream, with the choices' events taking turns.
  private func streamed<D: Dialect>(
    _ dialect: D.Type, _ events: [GenerationEvent], _ context: D.Context
  ) throws -> String {
    var encoder = D.encoder(for: context)
    var bytes: [UInt8] = []
    for event in events {
      for choice in 0..<context.choices {
        let frames = encoder.encode(event, choice: choice)
        if bytes.isEmpty, !frames.isEmpty, case .failed(let error) = event {
          // Nothing was sent yet, so the answer is an HTTP error.
          return "HTTP \(D.response(to: error).status)\n"
        }
        for frame in frames { frame.write(into: &bytes) }
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func answered<D: Dialect>(
    _ dialect: D.Type, _ events: [GenerationEvent], _ context: D.Context
  ) throws -> JSONValue {
    var fold = EventFold()
    for event in events { fold.add(event) }
    if let error = fold.failure { return GoldenFiles.pretty(D.response(to: error)) }
    let answer = try #require(Answer(fold))
    return D.body(of: Array(repeating: answer, count: context.choices), in: context)
  }
}
