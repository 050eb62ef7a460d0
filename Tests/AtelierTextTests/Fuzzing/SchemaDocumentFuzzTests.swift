import AtelierCore
import AtelierTesting
import AtelierText
import Testing

/// Damaged schemas, as texts: each is compiled within its bounds or refused as a bad schema.
struct SchemaDocumentFuzzTests {
  @Test func everyDocumentIsCompiledOrRefused() throws {
    let words = [
      "\"$ref\":\"#\"", "\"anyOf\":[{}]", "\"allOf\":[{}]", "\"pattern\":\"(a|b)+\"", "\"maxLength\":2000", "{}",
      "true",
      "\"type\":\"object\"", "\"items\"", "\"properties\"", ",", "[", "]",
    ]
    try Fuzzer(corpus: "Schemas", words: words).run { bytes, _ in
      let text = String(decoding: bytes, as: UTF8.self)
      guard text.utf8.count <= 64 * 1024 else { return }
      #expect(Self.isCompiledOrRefused(text), "\(text.prefix(2000))")
    }
  }

  private static func isCompiledOrRefused(_ text: String) -> Bool {
    do throws(AtelierError) {
      return try AnswerGrammar(schemaJSON: text).compiled().utf8.count <= 1 << 20
    } catch {
      return error.code == .invalidJSONSchema
    }
  }
}
