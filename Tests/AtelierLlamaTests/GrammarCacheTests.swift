import AtelierText
import Testing

@testable import AtelierLlama

struct GrammarCacheTests {
  private static func grammar(_ number: Int, padding: Int = 0) -> AnswerGrammar {
    AnswerGrammar(
      schemaJSON:
        #"{"type":"object","properties":{"p\#(number)":{"type":"string"}},"description":"\#(String(repeating: "x", count: padding))"}"#
    )
  }

  @Test func noMoreTextsAreKeptThanAreAllowed() throws {
    let cache = GrammarCache()
    for number in 0..<200 { _ = try cache.text(of: Self.grammar(number)) }
    #expect(cache.keptTexts.count == 64)
    // The last ones are known, and asking for them keeps no more.
    let bytes = cache.keptTexts.bytes
    for number in 136..<200 { _ = try cache.text(of: Self.grammar(number)) }
    #expect(cache.keptTexts.count == 64 && cache.keptTexts.bytes == bytes)
  }

  @Test func norMoreBytes() throws {
    let cache = GrammarCache()
    for number in 0..<40 { _ = try cache.text(of: Self.grammar(number, padding: 500_000)) }
    #expect((1...16).contains(cache.keptTexts.count) && cache.keptTexts.bytes <= 8 << 20)
  }
}
