/// The tokens of an answer, as its statistics show them.
package struct GenerationUsage: Sendable, Hashable, Codable {
  /// Prompt tokens, template, tools and history included; several rounds: those of the last.
  package var inputTokens: Int
  /// Of the input tokens, taken from the prefix cache.
  package var cachedTokens: Int
  /// Generated tokens of all rounds, reasoning and calls included.
  package var outputTokens: Int
  /// Of the output tokens, reasoning.
  package var reasoningTokens: Int

  package init(inputTokens: Int = 0, cachedTokens: Int = 0, outputTokens: Int = 0, reasoningTokens: Int = 0) {
    self.inputTokens = inputTokens
    self.cachedTokens = cachedTokens
    self.outputTokens = outputTokens
    self.reasoningTokens = reasoningTokens
  }
}
