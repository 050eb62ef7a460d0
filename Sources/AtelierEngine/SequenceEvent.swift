import AtelierCore

/// What happened to one sequence in one engine step.
package enum SequenceEvent: Sendable {
  /// Prompt tokens in memory so far (cached ones included) out of all. The first one of a sequence comes when its prompt
  /// processing begins, with `processed == cached`.
  case prompt(processed: Int, cached: Int, total: Int)
  /// Probabilities of the prompt's next tokens, from its second one on; before the `prompt` event that counts them. Only
  /// for requests with `scoresPrompt`.
  case scored([TokenProbability])
  /// A generated token. End-of-text tokens are not reported as tokens. `draws`: random numbers drawn for the sequence so
  /// far.
  case token(Int32, TokenProbability?, draws: Int = 0)
  /// The vector of one input of a `PoolingRequest`, by the input's place; each comes once, in any order.
  case pooled(input: Int, vector: [Float])
  /// Last event of the sequence.
  case finished(SequenceEnd)
}

/// Log probability of the chosen token and the most likely ones, most likely first.
package struct TokenProbability: Sendable, Hashable {
  package var logprob: Float
  package var top: [(token: Int32, logprob: Float)]

  package init(logprob: Float, top: [(token: Int32, logprob: Float)]) {
    self.logprob = logprob
    self.top = top
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.logprob == right.logprob && left.top.elementsEqual(right.top, by: ==)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(logprob)
    for entry in top {
      hasher.combine(entry.token)
      hasher.combine(entry.logprob)
    }
  }
}

package enum SequenceEnd: Sendable, Hashable {
  /// The answer is complete; of a `PoolingRequest`: every input has its vector.
  case endOfText
  case maxTokens
  case contextFull
  /// Waited too long for its turn; nothing was computed.
  case waitedTooLong
  case cancelled
  case failed(String)
}
