/// The answer to an `EmbeddingRequest`.
package struct EmbeddingResult: Sendable, Hashable, Codable {
  /// One unit-length vector per input, in input order.
  package var vectors: [[Float]]
  package var promptTokens: Int

  package init(vectors: [[Float]], promptTokens: Int) {
    self.vectors = vectors
    self.promptTokens = promptTokens
  }
}
