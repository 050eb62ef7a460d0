import AtelierCore

/// The prompt events of one sequence: progress 0 only when processing lasts longer than 100 ms, never decreasing, 1 at the
/// end (native.md 5.3).
struct PromptProgress {
  private static let quietSeconds = 0.1

  private enum Phase { case waiting, processing(since: Double), finished }

  private(set) var usage: PromptUsage
  /// Goes out with the end of the prompt.
  private var scores: PromptScores?
  private var phase = Phase.waiting
  private var last: Double?

  /// `first`: the bytes of the first token, if the others' probabilities are told.
  init(tokens: Int, first: [UInt8]? = nil) {
    usage = PromptUsage(tokens: tokens, cachedTokens: 0)
    scores = first.map { PromptScores(first: $0) }
  }

  /// How many tokens' probabilities are known, apart from the first.
  var scored: Int { scores?.rest.count ?? 0 }

  mutating func add(_ probability: TokenLogprob) { scores?.rest.append(probability) }

  mutating func advance(
    processed: Int, cached: Int, total: Int, now: Double, into events: inout [GenerationEvent]
  ) {
    usage = PromptUsage(tokens: total, cachedTokens: cached)
    switch phase {
    case .waiting:
      events.append(.promptStarted)
      phase = .processing(since: now)
    case .processing(let start):
      guard now - start > Self.quietSeconds else { break }
      if last == nil { emit(0, into: &events) }
      if processed < total { emit(Double(processed) / Double(total), into: &events) }
    case .finished: return
    }
    if processed >= total { finish(into: &events) }
  }

  /// The prompt is in memory. Does nothing the second time.
  mutating func finish(into events: inout [GenerationEvent]) {
    switch phase {
    case .finished: return
    case .waiting: events.append(.promptStarted)
    case .processing: break
    }
    phase = .finished
    emit(1, into: &events)
    usage.scores = scores
    events.append(.promptFinished(usage))
    usage.scores = nil
    scores = nil
  }

  /// The prompt has been told of already.
  mutating func skip() { phase = .finished }

  /// The sequence ended before its prompt was in memory: what was opened is closed.
  mutating func abandon(into events: inout [GenerationEvent]) {
    if case .processing = phase { finish(into: &events) }
    phase = .finished
  }

  private mutating func emit(_ progress: Double, into events: inout [GenerationEvent]) {
    if let last, progress <= last { return }
    last = progress
    events.append(.promptProgress(progress))
  }
}
