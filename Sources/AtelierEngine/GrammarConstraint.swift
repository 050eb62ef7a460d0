/// What a sequence's output must obey, as GBNF text. Made inside the worker only: no client can supply one.
package struct GrammarConstraint: Sendable, Hashable {
  package enum Trigger: Sendable, Hashable {
    case token(Int32)
    /// A regular expression over the text so far; its first group is where the grammar starts.
    case pattern(String)
    case word(String)
  }

  /// Empty: no grammar, only a `reasoningLimit`.
  package var grammar: String
  /// Empty: in force from the first token. Else from the first trigger on.
  package var triggers: [Trigger]
  /// Tokens at the end of the prompt that the grammar describes too: the state starts after them.
  package var prefill: [Int32]

  /// With triggers: a block of text that may come first, in which nothing triggers.
  package var quietBlock: QuietBlock?

  /// How long a leading block may be.
  package var reasoningLimit: ReasoningLimit?

  package struct ReasoningLimit: Sendable, Hashable {
    package var block: QuietBlock
    /// Tokens inside the block, at least 0.
    package var tokens: Int
    /// What ends it: these tokens come next, whatever the model would have said.
    package var ending: [Int32]

    package init(block: QuietBlock, tokens: Int, ending: [Int32]) {
      self.block = block
      self.tokens = tokens
      self.ending = ending
    }
  }

  package struct QuietBlock: Sendable, Hashable {
    package var start: String
    package var end: String
    /// The output begins inside the block.
    package var isOpen: Bool

    package init(start: String, end: String, isOpen: Bool) {
      self.start = start
      self.end = end
      self.isOpen = isOpen
    }
  }

  package init(
    grammar: String, triggers: [Trigger] = [], prefill: [Int32] = [], quietBlock: QuietBlock? = nil,
    reasoningLimit: ReasoningLimit? = nil
  ) {
    self.grammar = grammar
    self.triggers = triggers
    self.prefill = prefill
    self.quietBlock = quietBlock
    self.reasoningLimit = reasoningLimit
  }
}
