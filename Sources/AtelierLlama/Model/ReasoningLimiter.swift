import AtelierEngine
import AtelierText

/// Ends a block of reasoning that has become too long, by letting nothing but its end tag come next. Around a grammar, if
/// the answer has one.
final class ReasoningLimiter: TokenConstraint {
  private enum State {
    case counting(Int)
    /// The place in the end tag's tokens.
    case ending(Int)
    case over
  }

  private let limit: GrammarConstraint.ReasoningLimit
  private let inner: (any TokenConstraint)?
  private let tokenizer: LlamaTokenizer
  private var parser: ReasoningParser
  private var detokenizer = StreamingDetokenizer()
  private var wasInside = false
  private var state: State

  init(_ limit: GrammarConstraint.ReasoningLimit, around inner: (any TokenConstraint)?, tokenizer: LlamaTokenizer) {
    self.limit = limit
    self.inner = inner
    self.tokenizer = tokenizer
    parser = ReasoningParser(
      startTag: limit.block.start, endTags: [limit.block.end], startsInside: limit.block.isOpen)
    state = limit.ending.isEmpty ? .over : limit.block.isOpen && limit.tokens == 0 ? .ending(0) : .counting(0)
  }

  func allows(_ token: Int32) -> Bool {
    if case .ending(let place) = state { return token == limit.ending[place] }
    return inner?.allows(token) ?? true
  }

  func mask(_ logits: UnsafeMutableBufferPointer<Float>) {
    guard case .ending(let place) = state else {
      inner?.mask(logits)
      return
    }
    for token in logits.indices where token != Int(limit.ending[place]) { logits[token] = -.infinity }
  }

  func accept(_ token: Int32) {
    inner?.accept(token)
    switch state {
    case .over: return
    case .ending(let place): state = place + 1 < limit.ending.count ? .ending(place + 1) : .over
    case .counting(let count): self.count(token, after: count)
    }
  }

  private func count(_ token: Int32, after count: Int) {
    let outputs = parser.feed(detokenizer.feed(tokenizer.piece(of: token, special: true)))
    guard parser.isInside else {
      let hasAnswer = outputs.contains { if case .message = $0 { true } else { false } }
      if wasInside || hasAnswer { state = .over }
      return
    }
    // The tag that opens the block is none of its tokens.
    let now = wasInside || limit.block.isOpen || !outputs.isEmpty ? count + 1 : count
    wasInside = true
    state = now >= limit.tokens ? .ending(0) : .counting(now)
  }
}
