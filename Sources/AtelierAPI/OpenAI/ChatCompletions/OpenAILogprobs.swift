import AtelierCore

/// `logprobs` of a chat choice (openai.md 7.9).
enum OpenAILogprobs {
  static func value(_ tokens: [TokenLogprob]) -> JSONValue {
    ["content": .array(tokens.map(entry)), "refusal": .null]
  }

  static func entry(_ token: TokenLogprob) -> JSONValue {
    var entry = members(token.chosen)
    entry["top_logprobs"] = .array(token.top.map { .object(members($0)) })
    return .object(entry)
  }

  private static func members(_ alternative: TokenLogprob.Alternative) -> JSONObject {
    [
      // Half a character becomes U+FFFD here; `bytes` is exact.
      "token": .string(String(decoding: alternative.bytes, as: UTF8.self)),
      "logprob": .plain(alternative.logprob.isFinite ? alternative.logprob : -9999),
      "bytes": .array(alternative.bytes.map { .count(Int($0)) }),
    ]
  }
}
