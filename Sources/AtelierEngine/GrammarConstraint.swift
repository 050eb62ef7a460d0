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

  package init(grammar: String, triggers: [Trigger] = []) {
    self.grammar = grammar
    self.triggers = triggers
  }
}
