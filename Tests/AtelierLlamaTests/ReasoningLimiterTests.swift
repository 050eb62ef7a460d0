import AtelierCore
import AtelierEngine
import AtelierWorker
import Testing

@testable import AtelierLlama

@Suite(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"))
struct ReasoningLimiterTests {
  private func tokens(_ text: String) throws -> [Int32] {
    try TestModel.backend.get().tokenize(text, addSpecial: false, parseSpecial: true)
  }

  private func limiter(_ count: Int, isOpen: Bool = true, grammar: String = "") throws -> any TokenConstraint {
    let block = GrammarConstraint.QuietBlock(start: "<think>", end: "</think>", isOpen: isOpen)
    let limit = GrammarConstraint.ReasoningLimit(block: block, tokens: count, ending: try tokens("</think>"))
    return try TestModel.runner(contextLength: 256).makeConstraint(
      GrammarConstraint(grammar: grammar, reasoningLimit: limit))
  }

  /// What comes next when nothing but one token may; nil when other tokens may too.
  private func forced(_ state: any TokenConstraint) throws -> Int32? {
    let count = try TestModel.backend.get().properties.vocabularySize
    var logits = [Float](repeating: 1, count: count)
    logits.withUnsafeMutableBufferPointer { state.mask($0) }
    let left = logits.indices.filter { logits[$0] == 1 }
    for token in left.prefix(3) { #expect(state.allows(Int32(token))) }
    return left.count == 1 ? Int32(left[0]) : nil
  }

  @Test(arguments: [0, 3]) func theEndTagIsForcedAfterTheBudget(count: Int) throws {
    let state = try limiter(count)
    for token in try tokens(" one two three").prefix(count) {
      #expect(try forced(state) == nil)
      state.accept(token)
    }
    for token in try tokens("</think>") {
      #expect(try forced(state) == token)
      state.accept(token)
    }
    #expect(try forced(state) == nil)
    for token in try tokens(" the answer may be as long as it likes") {
      #expect(state.allows(token))
      state.accept(token)
    }
  }

  @Test func aBlockThatTheModelOpensIsCountedFromItsTag() throws {
    let state = try limiter(2, isOpen: false)
    for token in try tokens("<think> one two") {
      #expect(try forced(state) == nil)
      state.accept(token)
    }
    #expect(try forced(state) == tokens("</think>").first)
  }

  @Test func whatEndsInTimeOrHasNoBlockIsFree() throws {
    for text in ["<think> one</think>", "An answer without any"] {
      let state = try limiter(6, isOpen: false)
      for token in try tokens(text + " and a long answer after it that goes on") {
        #expect(try forced(state) == nil)
        state.accept(token)
      }
    }
  }
}
