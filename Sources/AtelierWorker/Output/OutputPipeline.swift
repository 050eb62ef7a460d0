import AtelierCore
import AtelierEngine
import AtelierText

/// One sequence's way from token ids to generation events: detokenizer, stop strings, parser, blocks. Pure: time comes in.
struct OutputPipeline {
  enum Action: Equatable {
    case proceed
    /// The answer has ended; the engine does not know yet.
    case cancelSequence
    /// The answer has ended, and so has the sequence.
    case done
  }

  /// The engine's message about a failure, for the log: it never leaves the process in an event.
  private(set) var failureText: String?
  /// Of the token handled last, if log probabilities were asked for.
  private(set) var lastLogprob: TokenLogprob?

  /// A model that let a request wait for minutes will not be free at once.
  private static let busySeconds = 30

  /// A prompt whose tokens' probabilities the engine tells, and the bytes of tokens as its text has them.
  struct Scoring: Sendable {
    var prompt: [Int32]
    var piece: @Sendable (Int32) -> [UInt8]
  }

  private let maxToolCalls: Int
  private let showsReasoning: Bool
  private var toolCalls = 0
  private let piece: @Sendable (Int32) -> [UInt8]
  private let scoring: Scoring?
  private var detokenizer = StreamingDetokenizer()
  private var stops: StopStringFilter
  private var parser: any OutputParser
  private var blocks = BlockWriter()
  private var prompt: PromptProgress
  private var tokens = TokenAccount()
  /// Seconds on the clock of `handle`.
  private let accepted: Double
  private var firstToken: Double?
  private var lastToken: Double?

  /// `accepted`: when the request arrived, on the clock of `handle`. The answer ends before a call beyond `maxToolCalls`, and
  /// after one that repeats an earlier one: small models that may make several calls make the same one until they are stopped.
  /// Without `showsReasoning`, what the model reasons all the same is dropped and counts as part of the answer. `piece`: a
  /// token's bytes as the parser wants them. `scoring`: nil where nobody asked.
  init(
    promptTokens: Int, accepted: Double, stops: [String], parser: any OutputParser, maxToolCalls: Int = .max,
    showsReasoning: Bool = true, scoring: Scoring? = nil, piece: @escaping @Sendable (Int32) -> [UInt8]
  ) {
    prompt = PromptProgress(tokens: promptTokens, first: scoring.map { $0.prompt.first.map($0.piece) ?? [] })
    self.scoring = scoring
    self.accepted = accepted
    self.stops = StopStringFilter(stops: stops)
    self.parser = parser
    self.maxToolCalls = maxToolCalls
    self.showsReasoning = showsReasoning
    self.piece = piece
  }

  /// Appends what the event means to `events`. `now`: monotonic seconds. Not to be called after `cancelSequence` or `done`.
  mutating func handle(_ event: SequenceEvent, now: Double, into events: inout [GenerationEvent]) -> Action {
    switch event {
    case .prompt(let processed, let cached, let total):
      prompt.advance(processed: processed, cached: cached, total: total, now: now, into: &events)
      return .proceed
    case .scored(let probabilities):
      guard let scoring else { return .proceed }
      for probability in probabilities where prompt.scored + 1 < scoring.prompt.count {
        let token = scoring.prompt[prompt.scored + 1]
        prompt.add(Self.logprob(token, scoring.piece(token), probability, scoring.piece))
      }
      return .proceed
    case .token(let token, let probability, _):
      prompt.finish(into: &events)
      if firstToken == nil { firstToken = now }
      lastToken = now
      let bytes = piece(token)
      lastLogprob = probability.map { Self.logprob(token, bytes, $0, piece) }
      return add(token, bytes, lastLogprob, into: &events)
    case .pooled:
      // No part of a text.
      return .proceed
    case .finished(let end):
      end == .endOfText || end == .maxTokens || end == .contextFull
        ? prompt.finish(into: &events) : prompt.abandon(into: &events)
      finish(end, into: &events)
      return .done
    }
  }

  /// Takes in what another engine has generated, the same way and silently: its events are out. Returns what comes of the
  /// last token; anything but `proceed` means that the answer was complete. To be called before `handle`.
  mutating func resume(_ answer: AnswerSoFar) -> Action {
    prompt.skip()
    blocks.announcedCalls = answer.callIDs[...]
    var said: [GenerationEvent] = []
    let unknown = answer.tokens.count - answer.logprobs.count
    for (index, token) in answer.tokens.enumerated() {
      let action = add(token, piece(token), index < unknown ? nil : answer.logprobs[index - unknown], into: &said)
      guard action == .proceed else { return action }
      said.removeAll(keepingCapacity: true)
    }
    return .proceed
  }

  private mutating func add(
    _ token: Int32, _ bytes: [UInt8], _ logprob: TokenLogprob?, into events: inout [GenerationEvent]
  ) -> Action {
    tokens.add(bytes: bytes.count, logprob: logprob)
    let text = detokenizer.feed(bytes)
    let released = stops.feed(text)
    tokens.advance(detokenized: text.utf8.count, released: released.utf8.count)
    if !released.isEmpty { write(parser.feed(released), into: &events) }
    if toolCalls > maxToolCalls || blocks.hasRepeatedCall {
      close(.endOfText, into: &events)
      return .cancelSequence
    }
    guard let matched = stops.matchedStop else { return .proceed }
    write(parser.finish(), into: &events)
    close(.stopString, matchedStop: matched, into: &events)
    return .cancelSequence
  }

  private mutating func finish(_ end: SequenceEnd, into events: inout [GenerationEvent]) {
    let text = detokenizer.finish()
    let released = stops.feed(text) + stops.finish()
    tokens.advance(detokenized: text.utf8.count, released: released.utf8.count)
    if !released.isEmpty { write(parser.feed(released), into: &events) }
    write(parser.finish(), into: &events)
    switch end {
    case .endOfText: close(.endOfText, into: &events)
    case .maxTokens: close(.maxTokens, into: &events)
    case .contextFull: close(.contextFull, into: &events)
    case .cancelled: close(.userStopped, into: &events)
    case .waitedTooLong:
      close(
        .failed,
        failure: AtelierError(
          .serverBusy, "The request waited too long for its turn. Try again later.", retryAfter: Self.busySeconds),
        into: &events)
    case .failed(let message):
      failureText = message
      close(
        .failed,
        failure: AtelierError(
          .generationFailed, "The model failed while generating. Try again; if it recurs, reload the model."),
        into: &events)
    }
  }

  private mutating func write(_ outputs: [ParsedOutput], into events: inout [GenerationEvent]) {
    for output in outputs {
      if case .toolCallStarted = output { toolCalls += 1 }
      guard toolCalls <= maxToolCalls, !blocks.hasRepeatedCall else { break }
      if case .reasoning = output, !showsReasoning { continue }
      blocks.write(output, logprobs: tokens.note(output), into: &events)
    }
    tokens.settle()
  }

  private mutating func close(
    _ reason: FinishReason, matchedStop: String? = nil, failure: AtelierError? = nil,
    into events: inout [GenerationEvent]
  ) {
    blocks.close(into: &events)
    if let failure { events.append(.failed(failure)) }
    var result = GenerationResult(output: blocks.output, finishReason: reason, matchedStop: matchedStop)
    if reason == .endOfText, blocks.hasToolCalls { result.finishReason = .toolCalls }
    result.usage = GenerationUsage(
      inputTokens: prompt.usage.tokens, cachedTokens: prompt.usage.cachedTokens, outputTokens: tokens.generated,
      reasoningTokens: tokens.reasoning)
    if let firstToken, let lastToken {
      result.timings = GenerationTimings(
        timeToFirstToken: max(0, firstToken - accepted), generation: max(0, lastToken - firstToken))
    }
    events.append(.finished(result))
  }

  private static func logprob(
    _ token: Int32, _ bytes: [UInt8], _ probability: TokenProbability, _ piece: (Int32) -> [UInt8]
  ) -> TokenLogprob {
    TokenLogprob(
      chosen: .init(token: token, bytes: bytes, logprob: Double(probability.logprob)),
      top: probability.top.map { .init(token: $0.token, bytes: piece($0.token), logprob: Double($0.logprob)) })
  }
}
