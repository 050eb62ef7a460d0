/// One live request as the scheduler sees it.
struct SequenceState: Sendable {
  let id: UInt64
  /// Order of submission: the youngest has the highest.
  let arrival: UInt64
  /// Rows the engine had computed when this was submitted; what makes waiting count.
  let workAtSubmit: Int
  let promptCount: Int
  /// Up to here the tokens were there at the beginning: the prompt, and what another engine had generated.
  let givenCount: Int
  let maxTokens: Int?
  let cacheable: Bool
  let client: UInt64
  /// Seconds on the caller's clock.
  let submitted: Double
  /// The prompt's pictures, in order; needed again when the sequence gave way.
  let media: [MediaSpan]
  /// Prompt, then what was generated; the last generated token is not in memory yet.
  var tokens: [Int32]

  /// The runner's sequence number; nil while it runs not.
  var number: Int?
  /// Tokens in memory.
  var computed = 0
  /// Prompt tokens that were in memory at the first start; nil before.
  var cached: Int?
  /// Prompt tokens reported so far.
  var reported = 0
  /// Prompt tokens whose probabilities are told; the first one has none. As many as there are where nobody asked.
  private(set) var scored: Int
  /// A prefix that another sequence is computing right now: wait until that one has `until` tokens, then share them.
  var leader: Leader?
  /// Where its state is to be saved: descending, above `computed`.
  var stops: [Int] = []
  /// The next place where rows have to end; `.max`: none.
  var nextStop = Int.max
  /// Prompt tokens that were not cached when it was submitted.
  var expectedRemaining = 0

  struct Leader: Sendable, Hashable {
    var id: UInt64
    var until: Int
  }

  init(_ request: SequenceRequest, arrival: UInt64, workAtSubmit: Int, submitted: Double) {
    id = request.id
    self.arrival = arrival
    self.workAtSubmit = workAtSubmit
    promptCount = request.prompt.count
    givenCount = request.prompt.count + request.generated.count
    maxTokens = request.maxTokens
    cacheable = request.cacheable
    client = request.client
    self.submitted = submitted
    media = request.media
    tokens = request.prompt + request.generated
    scored = request.scoresPrompt ? 1 : request.prompt.count
  }

  var generated: Int { tokens.count - promptCount }
  var remaining: Int { tokens.count - computed }
  /// The next rows to compute that are of one kind: up to where text and a picture meet.
  var segment: (rows: Int, picture: MediaSpan?) {
    guard let span = media.first(where: { $0.end > computed }) else {
      return (givenCount > promptCount && computed < promptCount ? promptCount - computed : remaining, nil)
    }
    return span.start > computed ? (span.start - computed, nil) : (span.end - computed, span)
  }

  /// Whether logits of prompt rows are still needed.
  var isScoring: Bool { scored < promptCount }

  /// Positions before `end` of rows to compute whose logits tell the probability of the prompt's next token.
  func scoringPositions(before end: Int) -> Range<Int> {
    let start = max(computed, scored - 1)
    let limit = min(end, promptCount - 1)
    return isScoring && start < limit ? start..<limit : computed..<computed
  }

  /// Rows that may be computed together when so many of them may tell probabilities.
  func rows(scoringAtMost count: Int) -> Int {
    let free = max(0, scored - 1 - computed)
    return isScoring && computed + free + count < promptCount - 1 ? free + count : .max
  }

  mutating func noteScores(_ count: Int) { scored += count }

  /// One row a step: the token generated last, or the next of those another engine generated. These could be read faster,
  /// like a prompt; but rows computed together are rounded in another way than rows computed alone, and the answer has to go
  /// on as it would have.
  var isDecoding: Bool { generated > 0 && (remaining == 1 || (promptCount..<givenCount).contains(computed)) }

  /// Takes in what sampling gave; the end it means, if any.
  mutating func take(_ outcome: StepOutcome, cellCount: Int) -> SequenceEnd? {
    switch outcome {
    case .failed(let message): return .failed(message)
    case .end: return .endOfText
    case .token(let token, _, _):
      tokens.append(token)
      if let maxTokens, generated >= maxTokens { return .maxTokens }
      return tokens.count >= cellCount ? .contextFull : nil
    }
  }

  /// Lower comes first. Shortest first, and each row of other people's work since the submission counts like half a
  /// prompt token less; the common part is left out, so a sequence's place among the others does not change by waiting,
  /// and a newcomer can only pass those that have waited less than twice their length.
  func rank(remaining: Int) -> Int { 2 * remaining + workAtSubmit }
}
