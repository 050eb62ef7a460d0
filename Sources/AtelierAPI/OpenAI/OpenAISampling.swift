import AtelierCore

/// How to choose tokens and when to stop: the fields that chat and plain completions share (openai.md 7.1).
enum OpenAISampling {
  static func parameters(_ fields: FieldReader) -> SamplingParameters {
    SamplingParameters(
      temperature: fields.number("temperature", in: 0...2),
      topP: fields.number("top_p", in: 0...1),
      topK: fields.integer("top_k", from: 0),
      minP: fields.number("min_p", in: 0...1),
      repeatPenalty: fields.positiveNumber("repeat_penalty", upTo: 10),
      presencePenalty: fields.number("presence_penalty", in: -2...2),
      frequencyPenalty: fields.number("frequency_penalty", in: -2...2),
      seed: fields.seed("seed"),
      logitBias: logitBias(fields))
  }

  /// Token ids in decimal, with values from -100 to 100.
  private static func logitBias(_ fields: FieldReader) -> [Int32: Double] {
    guard let reader = fields.reader("logit_bias") else { return [:] }
    guard reader.object.count <= RequestLimits.logitBiasEntries else {
      let _: Never? = fields.wrongValue("logit_bias", "must have at most \(RequestLimits.logitBiasEntries) entries")
      return [:]
    }
    var biases: [Int32: Double] = [:]
    for key in reader.object.keys {
      guard let token = Int32(key), token >= 0 else {
        let _: Never? = fields.wrongValue(
          "logit_bias", "has the key '\(FieldReader.shortened(key))', which is no token id")
        return [:]
      }
      biases[token] = reader.number(key, in: -100...100)
    }
    return biases
  }

  /// A string or an array of strings; empty ones say nothing and are dropped.
  static func stopStrings(_ fields: FieldReader) -> [String] {
    let strings: [String]
    switch fields["stop"] {
    case nil: return []
    case .string(let text): strings = [text]
    case .array: strings = fields.strings("stop", upTo: RequestLimits.stopStrings) ?? []
    case .some(let value):
      let _: Never? = fields.wrongType("stop", "string or array of strings", value)
      return []
    }
    guard strings.allSatisfy({ $0.utf8.count <= RequestLimits.stopStringBytes }) else {
      let _: Never? = fields.wrongValue("stop", "must have strings of at most \(RequestLimits.stopStringBytes) bytes")
      return []
    }
    return strings.filter { !$0.isEmpty }
  }
}
