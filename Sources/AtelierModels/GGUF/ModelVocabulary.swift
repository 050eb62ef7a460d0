/// What a file says of its vocabulary, as far as it tells whether two models share one.
package struct ModelVocabulary: Sendable, Hashable {
  /// `tokenizer.ggml.model`: gpt2, llama, bert…
  package var tokenizer: String?
  package var tokens: Int

  /// Padding at the end of a vocabulary differs between sizes of one family (llama.cpp: `SPEC_VOCAB_MAX_SIZE_DIFFERENCE`).
  private static let padding = 128

  package init(tokenizer: String?, tokens: Int) {
    self.tokenizer = tokenizer
    self.tokens = tokens
  }

  /// Whether one of the models can guess the other's tokens.
  package func fits(_ other: ModelVocabulary) -> Bool {
    tokenizer == other.tokenizer && abs(tokens - other.tokens) <= Self.padding
  }
}
