/// What a sequence's output must obey, as GBNF text. Made inside the worker only: no client can supply one.
package struct GrammarConstraint: Sendable, Hashable {
  package enum Trigger: Sendable, Hashable {
    case token(Int32)
    /// A regular expression over the text so far; its first group is where the grammar starts.
    case pattern(String)
    case word(String)
  }

  package var grammar: String
  /// Empty: in force from the first token. Else from the first trigger on.
  package var triggers: [Trigger]
  /// Tokens at the end of the prompt that the grammar describes too: the state starts after them.
  package var prefill: [Int32]

  package init(grammar: String, triggers: [Trigger] = [], prefill: [Int32] = []) {
    self.grammar = grammar
    self.triggers = triggers
    self.prefill = prefill
  }
}
