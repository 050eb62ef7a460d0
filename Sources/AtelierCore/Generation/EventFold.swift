/// Folds a stream of events into output items; the final `finished` event carries the same items, so a whole answer and
/// a streamed one cannot drift apart.
package struct EventFold: Sendable {
  package private(set) var output: [OutputItem] = []
  /// In order of the tokens of the visible message text.
  package private(set) var logprobs: [TokenLogprob] = []
  /// The same for each message of `output`.
  package private(set) var messageLogprobs: [[TokenLogprob]] = []
  /// Of the first prompt, if they were asked for.
  package private(set) var promptScores: PromptScores?
  package private(set) var failure: AtelierError?
  package private(set) var result: GenerationResult?
  private var reasoning = ""
  private var message = ""
  /// Where the open message's log probabilities begin.
  private var messageStart = 0

  package init() {}

  package mutating func add(_ event: GenerationEvent) {
    switch event {
    case .reasoningStarted: reasoning = ""
    case .reasoningDelta(let text): reasoning += text
    case .reasoningFinished: output.append(.reasoning(reasoning))
    case .messageStarted:
      message = ""
      messageStart = logprobs.count
    case .messageDelta(let text, let tokens):
      message += text
      logprobs += tokens
    case .messageFinished:
      output.append(.message(message))
      messageLogprobs.append(Array(logprobs[messageStart...]))
    case .toolCallArguments(let call, provider: nil): output.append(.toolCall(call))
    case .toolsListed(let listing): output.append(.toolListing(listing))
    case .toolCallSucceeded(let call, let provider, let text, let isError):
      output.append(.executedToolCall(call, provider: provider, output: text, isError: isError))
    case .toolCallFailed(let invalid): output.append(.invalidToolCall(invalid))
    case .promptFinished(let usage): promptScores = promptScores ?? usage.scores
    case .failed(let error): failure = error
    case .finished(let final): result = final
    case .instanceSelected, .loadStarted, .loadProgress, .loadFinished, .promptStarted, .promptProgress,
      .toolCallStarted, .toolCallArgumentsDelta, .toolCallArguments:
      break
    }
  }
}
