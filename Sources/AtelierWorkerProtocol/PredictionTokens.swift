import AtelierCore

/// What one engine step generated for a prediction, whether its text has come out already or not.
package struct PredictionTokens: Sendable, Hashable {
  package var id: UInt64
  package var tokens: [Int32]
  /// One for each token, or none.
  package var logprobs: [TokenLogprob]
  /// Random numbers drawn for the prediction so far.
  package var draws: Int

  package init(id: UInt64, tokens: [Int32], logprobs: [TokenLogprob] = [], draws: Int) {
    self.id = id
    self.tokens = tokens
    self.logprobs = logprobs
    self.draws = draws
  }
}
