/// The tokens of a prompt, known once it has been computed.
package struct PromptUsage: Sendable, Hashable, Codable {
  /// Prompt tokens in all, template and history included.
  package var tokens: Int
  /// Of these, taken from the prefix cache.
  package var cachedTokens: Int

  package init(tokens: Int, cachedTokens: Int) {
    self.tokens = tokens
    self.cachedTokens = cachedTokens
  }
}
