import AtelierCore

/// What LM Studio adds to OpenAI's answers, beside `usage`: on bodies, on chunks with a finish reason, and where the
/// dialect wants it on the chunk with the usage too.
struct OpenAIExtras: Sendable {
  var members: @Sendable (GenerationResult) -> JSONObject
  var isOnUsageChunk: Bool

  /// `stats`: openai.md 7.8. Seconds.
  static let stats = OpenAIExtras(members: { ["stats": stats(of: $0)] }, isOnUsageChunk: false)

  static func stats(of result: GenerationResult) -> JSONValue {
    [
      "tokens_per_second": .measure(result.tokensPerSecond),
      "time_to_first_token": .measure(result.timings.timeToFirstToken),
      "generation_time": .measure(result.timings.generation),
      "stop_reason": .string(result.finishReason.rawValue),
    ]
  }

  func add(to body: inout JSONObject, of result: GenerationResult) {
    for (key, value) in members(result) { body[key] = value }
  }

  /// The members with a comma before each, for chunks written by hand.
  func write(of result: GenerationResult, into data: inout [UInt8]) {
    for (key, value) in members(result) {
      data.append(UInt8(ascii: ","))
      JSONWriter.appendString(key, to: &data)
      data.append(UInt8(ascii: ":"))
      value.write(into: &data)
    }
  }
}
