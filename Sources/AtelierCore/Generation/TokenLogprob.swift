/// The natural-log probability of one generated token, from the raw logits before any sampler.
package struct TokenLogprob: Sendable, Hashable, Codable {
  package struct Alternative: Sendable, Hashable, Codable {
    package var token: Int32
    /// The token's bytes; may be half a character.
    package var bytes: [UInt8]
    package var logprob: Double

    package init(token: Int32, bytes: [UInt8], logprob: Double) {
      self.token = token
      self.bytes = bytes
      self.logprob = logprob
    }
  }

  package var chosen: Alternative
  /// Most likely first.
  package var top: [Alternative]

  package init(chosen: Alternative, top: [Alternative]) {
    self.chosen = chosen
    self.top = top
  }
}
