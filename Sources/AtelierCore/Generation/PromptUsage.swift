/// The tokens of a prompt, known once it has been computed.
package struct PromptUsage: Sendable, Hashable, Codable {
  /// Prompt tokens in all, template and history included.
  package var tokens: Int
  /// Of these, taken from the prefix cache.
  package var cachedTokens: Int
  /// Only for requests that asked for them.
  package var scores: PromptScores?

  package init(tokens: Int, cachedTokens: Int, scores: PromptScores? = nil) {
    self.tokens = tokens
    self.cachedTokens = cachedTokens
    self.scores = scores
  }
}
