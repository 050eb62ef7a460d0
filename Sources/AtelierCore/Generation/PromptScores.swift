/// How likely the model finds a prompt: each token's probability after those before it.
package struct PromptScores: Sendable, Hashable, Codable {
  /// The bytes of the first token, which follows nothing.
  package var first: [UInt8]
  /// The other tokens, in order.
  package var rest: [TokenLogprob]

  package init(first: [UInt8], rest: [TokenLogprob] = []) {
    self.first = first
    self.rest = rest
  }

  /// The tokens' bytes, joined; special tokens are spelled out.
  package var bytes: [UInt8] { rest.reduce(into: first) { $0 += $1.chosen.bytes } }
}
