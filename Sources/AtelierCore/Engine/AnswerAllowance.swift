/// How much an engine may say of one answer: so many bytes for each token it generated, and a few besides. All that a working
/// engine says comes from its tokens, of which there are no more than its context holds; an engine that says more would fill
/// the memory of those who keep the answer.
struct AnswerAllowance: Sendable {
  /// Several hundred times a token's usual text: log probabilities are much larger than their text, and text may be escaped.
  static let bytesPerToken = 1024
  static let bytesBesides = 64 << 10
  /// Of an event that is kept, beside its text.
  static let bytesPerEvent = 64

  private var used = 0

  /// Counts the event. False when the engine has said more than `tokens` tokens can be.
  mutating func admits(_ event: GenerationEvent, tokens: Int) -> Bool {
    switch event {
    // Kept once however often they come, or not at all.
    case .promptStarted, .promptProgress, .promptFinished: return true
    // Comes once, in one frame.
    case .finished: return true
    default: break
    }
    used += Self.bytesPerEvent + event.textBytes
    return used <= Self.bytesBesides + tokens * Self.bytesPerToken
  }
}
