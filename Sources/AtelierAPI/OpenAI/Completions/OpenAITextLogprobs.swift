import AtelierCore

/// `logprobs` of plain completions: parallel arrays, unlike those of chats (openai.md 8).
struct OpenAITextLogprobs: Sendable {
  /// nil without log probabilities.
  private let top: Int?
  /// Unicode scalars of the choice's text before the next token.
  private var offset: Int

  init(_ context: OpenAICompletions.Context, choice: Int) {
    top = context.topLogprobs
    offset = context.echo(choice).unicodeScalars.count
  }

  /// The next tokens of the choice; nil when none were asked for.
  mutating func value(_ tokens: [TokenLogprob]) -> JSONValue? {
    guard let top else { return nil }
    var offsets: [JSONValue] = []
    for token in tokens {
      offsets.append(.count(offset))
      // A scalar counts where its first byte is, because a token may end within it.
      offset += token.chosen.bytes.count { $0 & 0b1100_0000 != 0b1000_0000 }
    }
    return [
      "tokens": .array(tokens.map { .string(Self.text($0.chosen)) }),
      "token_logprobs": .array(tokens.map { Self.logprob($0.chosen) }),
      "top_logprobs": top == 0 ? .null : .array(tokens.map(Self.alternatives)), "text_offset": .array(offsets),
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
