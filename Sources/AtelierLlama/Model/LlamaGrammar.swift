import AtelierEngine
import CLlamaBridge

/// A GBNF grammar's state for one sequence.
final class LlamaGrammar: TokenConstraint {
  private let pointer: OpaquePointer
  private let model: LlamaModel

  /// Throws `invalidGrammar` when the text does not compile or the prefill does not fit it.
  init(_ constraint: GrammarConstraint, model: LlamaModel) throws(RunnerError) {
    var patterns: [String] = []
    var tokens: [Int32] = []
    for trigger in constraint.triggers {
      switch trigger {
      case .token(let token): tokens.append(token)
      case .pattern(let pattern): patterns.append(pattern)
      case .word(let word): patterns.append(Self.escaped(word))
      }
    }
    let created = bridgeCall { error in
      withCStrings(patterns) { pointers in
        atelier_grammar_create(
          model.vocabulary, constraint.grammar, pointers.baseAddress, pointers.count, tokens, tokens.count, error)
      }
    }
    switch created {
    case .success(let pointer): self.pointer = pointer
    case .failure(let failure): throw .invalidGrammar(failure.message)
    }
    self.model = model
    for token in constraint.prefill where !atelier_grammar_accept(pointer, token) {
      throw .invalidGrammar("the grammar does not fit the end of the prompt")
    }
  }

  /// Another grammar in the same state. The original is only read.
  init(copying original: LlamaGrammar) throws(RunnerError) {
    switch bridgeCall({ atelier_grammar_clone(original.pointer, $0) }) {
    case .success(let pointer): self.pointer = pointer
    case .failure(let failure): throw .invalidGrammar(failure.message)
    }
    model = original.model
  }

  deinit { atelier_grammar_free(pointer) }

  func allows(_ token: Int32) -> Bool { atelier_grammar_allows(pointer, token) }

  func mask(_ logits: UnsafeMutableBufferPointer<Float>) {
    guard let base = logits.baseAddress else { return }
    atelier_grammar_mask(pointer, base, Int32(logits.count))
  }

  func accept(_ token: Int32) { _ = atelier_grammar_accept(pointer, token) }

  /// A regular expression that matches exactly the word.
  static func escaped(_ word: String) -> String {
    var result = ""
    for character in word {
      if ".^$|()*+?[]{}\\".contains(character) { result.append("\\") }
      result.append(character)
    }
    return result
  }
}
