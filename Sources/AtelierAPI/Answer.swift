import AtelierCore

/// A finished generation as a dialect renders it.
package struct Answer: Sendable, Hashable {
  package var result: GenerationResult
  /// Of the visible text's tokens, in order; empty unless asked for.
  package var logprobs: [TokenLogprob]
  /// The same for each message of the result's output.
  package var messageLogprobs: [[TokenLogprob]]
  /// Of the prompt, if they were asked for.
  package var promptScores: PromptScores?

  package init(
    result: GenerationResult, logprobs: [TokenLogprob] = [], messageLogprobs: [[TokenLogprob]] = [],
    promptScores: PromptScores? = nil
  ) {
    self.result = result
    self.logprobs = logprobs
    self.messageLogprobs = messageLogprobs
    self.promptScores = promptScores
  }

  /// nil until the events ended.
  package init?(_ fold: EventFold) {
    guard let result = fold.result else { return nil }
    self.init(
      result: result, logprobs: fold.logprobs, messageLogprobs: fold.messageLogprobs, promptScores: fold.promptScores)
  }
}
