/// The answer to a `RerankRequest`.
package struct RerankResult: Sendable, Hashable, Codable {
  /// How relevant each document is, in document order; higher is more relevant. A reranker's own scores, whose range is
  /// the model's; for other embedding models the cosine of query and document, -1…1.
  package var scores: [Float]
  package var promptTokens: Int

  package init(scores: [Float], promptTokens: Int) {
    self.scores = scores
    self.promptTokens = promptTokens
  }
}
