import AtelierCore
import AtelierTesting
import Foundation
import Testing

@testable import AtelierAPI

/// Damaged bodies through the decoders of every route: each is read or refused with an error of the dialect.
struct DialectFuzzTests {
  private static let words = [
    "\"model\"", "\"messages\"", "\"input\"", "\"tools\"", "null", "true", "[]", "{}", "\"\"", "-1", "1e300", "0.5",
    "9223372036854775807", "\"role\":\"tool\"", "\"type\":\"image_url\"", "\"content\"", "\"$ref\":\"#\"", ",",
  ]
  private static let stamp = ResponseStamp(created: 1, token: "abc", requestID: "req_1")

  /// Errors are typed where they are made; here any will do, and only one kind may come.
  private func fuzz(_ corpus: String, _ decode: (JSONValue) throws -> Void) throws {
    var decoded = 0
    try Fuzzer(corpus: corpus, words: Self.words).run { bytes, _ in
      guard let body = try? JSONValue(parsing: bytes) else { return }
      do {
        try decode(body)
        decoded += 1
      } catch {
        guard let error = error as? AtelierError else { return #expect(Bool(false), "\(error)") }
        check(error)
      }
    }
    // The seeds are requests that are accepted.
    #expect(decoded > 0)
  }

  private func check(_ error: AtelierError) {
    #expect(!error.message.isEmpty && error.message.utf8.count < 8192, "\(error)")
    let responses = [
      OpenAIError.response(to: error), LMStudioV1Error.response(to: error), AnthropicError.response(to: error),
    ]
    for response in responses {
      #expect((400...529).contains(response.status))
      #expect((try? JSONValue(parsing: response.body.serialized())) != nil)
    }
  }

  private static func decode<D: Dialect>(_ body: JSONValue, _ dialect: D.Type) throws {
    let decoded = try D.decode(body, stamp: stamp)
    #expect((1...RequestLimits.completions).contains(decoded.requests.count))
  }

  @Test func nativeChat() throws { try fuzz("LMStudioV1Chat") { try Self.decode($0, LMStudioV1Chat.self) } }
  @Test func legacyChat() throws { try fuzz("OpenAIChat") { try Self.decode($0, LMStudioV0Chat.self) } }
  @Test func legacyCompletions() throws {
    try fuzz("OpenAICompletions") { try Self.decode($0, LMStudioV0Completions.self) }
  }
  @Test func chatCompletions() throws { try fuzz("OpenAIChat") { try Self.decode($0, OpenAIChat.self) } }
  @Test func completions() throws { try fuzz("OpenAICompletions") { try Self.decode($0, OpenAICompletions.self) } }
  @Test func messages() throws { try fuzz("AnthropicMessages") { try Self.decode($0, AnthropicMessages.self) } }

  @Test func responses() throws {
    try fuzz("OpenAIResponses") { body in
      _ = try OpenAIResponsesReferences.responseIDs(in: body)
      try Self.decode(body, OpenAIResponses.self)
    }
  }

  @Test func embeddings() throws { try fuzz("Others") { _ = try OpenAIEmbeddings.decode($0) } }
  @Test func rankings() throws { try fuzz("Others") { _ = try OpenAIRerank.decode($0, stamp: Self.stamp) } }
  @Test func loads() throws { try fuzz("Others") { _ = try LMStudioV1Load.decode($0) } }
  @Test func unloads() throws { try fuzz("Others") { _ = try LMStudioV1Unload.decode($0) } }
  @Test func downloads() throws { try fuzz("Others") { _ = try LMStudioV1Download.decode($0) } }
  @Test func tokenCounts() throws { try fuzz("Others") { _ = try AnthropicCountTokens.decode($0) } }

  /// Never decoded here, only measured: what is said of an image lies within the limits.
  @Test func images() throws {
    try Fuzzer(corpus: "Images").run { bytes, _ in
      _ = ImageHeader(Data(bytes))
      let url = "data:image/png;base64," + Data(bytes).base64EncodedString()
      guard let image = try? DataURL.image(url, formats: [.png, .jpeg, .webp, .gif, .bmp]) else { return }
      #expect(
        (1...RequestLimits.imageSide).contains(image.width) && (1...RequestLimits.imageSide).contains(image.height))
      #expect(image.width * image.height <= RequestLimits.imagePixels)
    }
  }
}
