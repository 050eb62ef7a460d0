import AtelierCore
import AtelierWorker
import Testing

@testable import AtelierLlama

@Suite(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"))
struct LlamaTokenizerTests {
  @Test(arguments: ["", "Hello, world!", "  two  spaces\n\n\ttab", "Grüße aus 東京 👩‍👩‍👧", "a\u{0301}", "<|im_end|>x"])
  func piecesOfTheTokensAreTheText(_ text: String) throws {
    let backend = try TestModel.backend.get()
    let tokens = backend.tokenize(text, addSpecial: false, parseSpecial: false)
    let bytes = tokens.flatMap { backend.piece(of: $0, preserved: []) }
    #expect(String(decoding: bytes, as: UTF8.self) == text)
  }

  @Test func specialTokensAreTextUnlessAskedFor() throws {
    let backend = try TestModel.backend.get()
    let parsed = backend.tokenize("<|im_end|>", addSpecial: false, parseSpecial: true)
    #expect(parsed.count == 1)
    #expect(backend.tokenize("<|im_end|>", addSpecial: false, parseSpecial: false).count > 1)
    let token = try #require(parsed.first)
    #expect(backend.piece(of: token, preserved: []).isEmpty)
    #expect(backend.piece(of: token, preserved: [token]) == Array("<|im_end|>".utf8))
    #expect(backend.piece(of: -1, preserved: []).isEmpty)
    #expect(backend.piece(of: Int32.max, preserved: []).isEmpty)
  }
}
