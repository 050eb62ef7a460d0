/// The whole answer: the fold of its events (`EventFold`).
package struct GenerationResult: Sendable, Hashable {
  package var instance: InstanceSelection?
  package var output: [OutputItem]
  package var finishReason: FinishReason
  /// The stop string that ended it, when `finishReason` is `.stopString`.
  package var matchedStop: String?
  package var usage: GenerationUsage
  package var timings: GenerationTimings
  /// Present only when the turn was stored.
  package var responseID: String?
  /// When the answer was complete, and stored if it was to be. Milliseconds since 1970; nil when nobody looked.
  package var completedAt: Int64?
  /// Where each further round of a tool loop begins in `output`: what lies between is one turn of the model with its
  /// calls. Empty when there was one round.
  package var rounds: [Int] = []

  package init(
    instance: InstanceSelection? = nil, output: [OutputItem] = [], finishReason: FinishReason = .endOfText,
    matchedStop: String? = nil, usage: GenerationUsage = GenerationUsage(),
    timings: GenerationTimings = GenerationTimings(), responseID: String? = nil, completedAt: Int64? = nil
  ) {
    self.instance = instance
    self.output = output
    self.finishReason = finishReason
    self.matchedStop = matchedStop
    self.usage = usage
    self.timings = timings
    self.responseID = responseID
    self.completedAt = completedAt
  }

  /// Generated tokens per second of pure generation; 0 when nothing was generated, never NaN.
  package var tokensPerSecond: Double {
    timings.generation > 0 ? Double(usage.outputTokens) / timings.generation : 0
  }

  /// All message text, in order.
  package var text: String {
    output.compactMap { if case .message(let text) = $0 { text } else { nil } }.joined()
  }
}
