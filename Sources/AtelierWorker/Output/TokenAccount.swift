import AtelierCore
import AtelierText

/// Which generated tokens became reasoning, and which log probabilities belong to which message text.
///
/// Filters hold text back, so a token's text may come out with a later token. Tokens without text of their own (tags, halves
/// of characters) count as what is open when the next text shows.
struct TokenAccount {
  private enum Kind { case none, reasoning, other }
  private struct Pending {
    /// Where the token's text begins, in bytes of the detokenized text.
    var start: Int
    var bytes: Int
    var logprob: TokenLogprob
  }

  private(set) var generated = 0
  private(set) var reasoning = 0
  /// What the last output was.
  private var kind = Kind.none
  /// Tokens not yet known to be reasoning or not.
  private var undecided = 0
  private var pending: [Pending] = []
  private var detokenized = 0
  private var released = 0

  mutating func add(bytes: Int, logprob: TokenLogprob?) {
    generated += 1
    undecided += 1
    if let logprob { pending.append(Pending(start: detokenized, bytes: bytes, logprob: logprob)) }
  }

  /// So many bytes came out of the detokenizer, and so many past the stop strings.
  mutating func advance(detokenized: Int, released: Int) {
    self.detokenized += detokenized
    self.released += released
  }

  /// Takes note of an output and returns the log probabilities of the tokens its text came from, if it is message text:
  /// the newest released ones that have as many bytes. Older ones are those of tags and dropped white space.
  mutating func note(_ output: ParsedOutput) -> [TokenLogprob] {
    if case .reasoning = output {
      kind = .reasoning
    } else {
      if kind == .reasoning {
        // The newest token made the answer appear; those before it ended the reasoning.
        reasoning += max(0, undecided - 1)
        undecided = min(1, undecided)
      }
      kind = .other
    }
    return takeLogprobs(for: output)
  }

  /// All outputs so far are noted.
  mutating func settle() {
    if kind == .reasoning { reasoning += undecided }
    if kind != .none { undecided = 0 }
  }

  private mutating func takeLogprobs(for output: ParsedOutput) -> [TokenLogprob] {
    guard !pending.isEmpty else { return [] }
    let end = pending.firstIndex { $0.start >= released } ?? pending.count
    defer { pending.removeFirst(end) }
    guard case .message(let text) = output else { return [] }
    var missing = text.utf8.count
    var start = end
    while missing > 0, start > 0 {
      start -= 1
      missing -= pending[start].bytes
    }
    return pending[start..<end].map(\.logprob)
  }
}
