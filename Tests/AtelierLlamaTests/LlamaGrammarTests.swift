import AtelierCore
import AtelierEngine
import AtelierWorker

import Testing

@testable import AtelierLlama

@Suite(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"))
struct LlamaGrammarTests {
  private func token(_ text: String) throws -> Int32 {
    let tokens = try TestModel.backend.get().tokenize(text, addSpecial: false, parseSpecial: true)
    try #require(tokens.count == 1)
    return tokens[0]
  }

  @Test func onlyWhatTheGrammarSaysMayCome() throws {
    let runner = try TestModel.runner(contextLength: 256)
    let state = try runner.makeConstraint(GrammarConstraint(grammar: #"root ::= ("yes" | "no") "!""#))
    let (yes, no, bang, end) = (try token("yes"), try token("no"), try token("!"), try token("<|im_end|>"))
    #expect(state.allows(yes))
    #expect(state.allows(no))
    #expect(!state.allows(bang))
    #expect(!state.allows(end))
    var logits = [Float](repeating: 1, count: runner.vocabularySize)
    logits.withUnsafeMutableBufferPointer { state.mask($0) }
    // The mask and the single check are one relation.
    for candidate in stride(from: Int32(0), to: Int32(runner.vocabularySize), by: 37) + [yes, no, bang, end] {
      #expect((logits[Int(candidate)] == 1) == state.allows(candidate))
    }
    #expect(logits.count { $0 == 1 } < 20)
    state.accept(yes)
    #expect(!state.allows(no))
    #expect(state.allows(bang))
    state.accept(bang)
    #expect(state.allows(end))
    // End of text, also when refused, must not end the process.
    state.accept(end)
  }

  /// Masking leaves tokens out by their first character: it must come to what asking for each token comes to.
  @Test(arguments: [
    (#"root ::= "{" ("\"" [a-zé\n]* "\"" | [0-9]+) "}""#, ["{", "\"", "a"]),
    (#"root ::= "yes" " "? "no""#, ["yes", " "]),
    (#"root ::= [^a]+"#, ["!"]), (#"root ::= "日本"* "x""#, ["日"]),
  ])
  func maskAllowsWhatIsAllowed(grammar: String, texts: [String]) throws {
    let model = try model()
    let state = try LlamaGrammar(GrammarConstraint(grammar: grammar), model: model)
    let tokenizer = LlamaTokenizer(model)
    for step in 0...texts.count {
      var logits = [Float](repeating: 1, count: tokenizer.vocabularySize)
      logits.withUnsafeMutableBufferPointer { state.mask($0) }
      for token in 0..<Int32(logits.count) where (logits[Int(token)] == 1) != state.allows(token) {
        Issue.record("token \(token) in step \(step)")
      }
      guard step < texts.count else { break }
      for token in tokenizer.tokenize(texts[step], addSpecial: false, parseSpecial: false) { state.accept(token) }
    }
  }

  @Test func refusedEndOfTextDoesNotAbort() throws {
    let state = try LlamaGrammar(GrammarConstraint(grammar: #"root ::= "yes""#), model: model())
    state.accept(try token("<|im_end|>"))
    #expect(state.allows(try token("yes")))
    state.accept(try token("!"))
  }

  @Test func aTriggerBringsItIntoForce() throws {
    let call = try token("call")
    for trigger in [GrammarConstraint.Trigger.token(call), .word("call"), .pattern("(call)")] {
      let state = try LlamaGrammar(
        GrammarConstraint(grammar: #"root ::= "call" "!""#, triggers: [trigger]), model: model())
      #expect(state.allows(try token("no")))
      state.accept(try token("no"))
      #expect(state.allows(call))
      state.accept(call)
      #expect(!state.allows(try token("no")))
      #expect(state.allows(try token("!")))
    }
  }

  @Test func prefillAdvancesTheState() throws {
    let state = try LlamaGrammar(
      GrammarConstraint(grammar: #"root ::= "yes" "!""#, prefill: [try token("yes")]), model: model())
    #expect(state.allows(try token("!")))
    #expect(!state.allows(try token("yes")))
    #expect(throws: RunnerError.self) {
      try LlamaGrammar(GrammarConstraint(grammar: #"root ::= "yes""#, prefill: [try token("no")]), model: model())
    }
  }

  @Test(arguments: ["nonsense", "root ::= missing", #"root ::= "a"{100000}"#, "root ::= root"])
  func badGrammarIsRefused(_ text: String) throws {
    #expect(throws: RunnerError.self) { try LlamaGrammar(GrammarConstraint(grammar: text), model: model()) }
  }

  @Test func badTriggerPatternIsRefused() throws {
    #expect(throws: RunnerError.self) {
      try LlamaGrammar(GrammarConstraint(grammar: #"root ::= "a""#, triggers: [.pattern("(")]), model: model())
    }
  }

  private func model() throws -> LlamaModel { try LlamaModel.load(TestModel.load(), progress: { _ in true }) }
}
