/// Inputs to be turned into vectors.
package struct EmbeddingRequest: Sendable, Hashable, Codable {
  package enum Input: Sendable, Hashable, Codable {
    case text(String)
    case tokens([Int32])
  }

  package var inputs: [Input]

  package init(inputs: [Input]) { self.inputs = inputs }
}
