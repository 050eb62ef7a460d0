/// What a model had generated when its engine died: where another engine goes on.
package struct AnswerSoFar: Sendable, Hashable, Codable {
  /// Log probabilities kept: those of tokens whose text may still be held back by filters.
  package static let maxLogprobs = 512

  /// The generated tokens, in order.
  package var tokens: [Int32]
  /// Random numbers drawn for them: where the seed's stream goes on.
  package var draws: Int
  /// The ids of the tool calls that were announced, in order.
  package var callIDs: [String]
  /// Of the last tokens, if log probabilities were asked for; at most `maxLogprobs`.
  package var logprobs: [TokenLogprob]

  package init(tokens: [Int32], draws: Int = 0, callIDs: [String] = [], logprobs: [TokenLogprob] = []) {
    self.tokens = tokens
    self.draws = draws
    self.callIDs = callIDs
    self.logprobs = logprobs
  }
}
