import AtelierCore

/// `logprobs` of plain completions: parallel arrays, unlike those of chats (openai.md 8).
struct OpenAITextLogprobs: Sendable {
  /// nil without log probabilities.
  private let top: Int?
  /// Unicode scalars of the choice's text before the next token.
  private var offset = 0

  init(_ context: OpenAICompletions.Context) { top = context.topLogprobs }

  /// The next tokens of the choice; nil when none were asked for. `echo`: what the choice's text begins with, if that comes
  /// now, and what is known of its tokens. The first of them follows nothing, so it has no probability.
  mutating func value(
    _ tokens: [TokenLogprob], after echo: String = "", _ scores: PromptScores? = nil
  ) -> JSONValue? {
    guard let top else { return nil }
    var arrays = Arrays()
    let shown = echo.unicodeScalars.count
    if let scores {
      let first = TokenLogprob.Alternative(token: 0, bytes: scores.first, logprob: 0)
      let all = [first] + scores.rest.map(\.chosen)
      // A begin-of-text token, or the space that some tokenizers put first, is in the tokens and not in the text.
      var place = shown - all.reduce(0) { $0 + Self.scalars($1) }
      for (index, token) in all.enumerated() {
        let known = index == 0 ? nil : scores.rest[index - 1]
        arrays.add(token, known, at: offset + min(max(place, 0), shown))
        place += Self.scalars(token)
      }
    }
    offset += shown
    for token in tokens {
      arrays.add(token.chosen, token, at: offset)
      offset += Self.scalars(token.chosen)
    }
    return arrays.value(hasTop: top > 0)
  }

  /// A scalar counts where its first byte is, because a token may end within it.
  private static func scalars(_ token: TokenLogprob.Alternative) -> Int {
    token.bytes.count { $0 & 0b1100_0000 != 0b1000_0000 }
  }
}

private struct Arrays {
  private var tokens: [JSONValue] = []
  private var logprobs: [JSONValue] = []
  private var alternatives: [JSONValue] = []
  private var offsets: [JSONValue] = []

  /// `known`: nil for a token without a probability.
  mutating func add(_ token: TokenLogprob.Alternative, _ known: TokenLogprob?, at offset: Int) {
    tokens.append(.string(Self.text(token)))
    logprobs.append(known.map { Self.logprob($0.chosen) } ?? .null)
    alternatives.append(known.map(Self.alternatives) ?? .null)
    offsets.append(.count(offset))
  }

  func value(hasTop: Bool) -> JSONValue {
    [
      "tokens": .array(tokens), "token_logprobs": .array(logprobs),
      "top_logprobs": hasTop ? .array(alternatives) : .null, "text_offset": .array(offsets),
    ]
  }

  /// By text; of several with the same text, such as parts of characters, the likeliest.
  private static func alternatives(_ token: TokenLogprob) -> JSONValue {
    var object = JSONObject()
    for alternative in token.top where object[text(alternative)] == nil {
      object[text(alternative)] = logprob(alternative)
    }
    return .object(object)
  }

  private static func text(_ alternative: TokenLogprob.Alternative) -> String {
    String(decoding: alternative.bytes, as: UTF8.self)
  }

  private static func logprob(_ alternative: TokenLogprob.Alternative) -> JSONValue {
    .plain(alternative.logprob.isFinite ? alternative.logprob : -9999)
  }
}
