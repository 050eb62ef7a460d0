import AtelierCore

/// One or several texts, each as text or as token ids: `prompt` of completions and `input` of embeddings.
enum OpenAITextInputs {
  /// A string, an array of strings, an array of integers (one text), or an array of such arrays. nil after reporting
  /// what is wrong; the member must be there.
  static func read(_ fields: FieldReader, _ key: String, upTo limit: Int) -> [EmbeddingRequest.Input]? {
    switch fields[key] {
    case .string(let text): return [.text(text)]
    case .array(let elements):
      guard !elements.isEmpty else { return fields.wrongValue(key, "must not be empty") }
      if elements[0].integerValue != nil { return tokens(fields, key, elements).map { [$0] } }
      guard elements.count <= limit else { return fields.wrongValue(key, "must have at most \(limit) elements") }
      var inputs: [EmbeddingRequest.Input] = []
      inputs.reserveCapacity(elements.count)
      for (place, element) in elements.enumerated() {
        guard let input = input(fields, "\(key).\(place)", element) else { return nil }
        inputs.append(input)
      }
      return inputs
    case let value: return fields.wrongType(key, "string, array of strings or array of token ids", value ?? .null)
    }
  }

  private static func input(_ fields: FieldReader, _ key: String, _ value: JSONValue) -> EmbeddingRequest.Input? {
    switch value {
    case .string(let text): .text(text)
    case .array(let elements): tokens(fields, key, elements)
    default: fields.wrongType(key, "string or array of token ids", value)
    }
  }

  private static func tokens(
    _ fields: FieldReader, _ key: String, _ elements: [JSONValue]
  ) -> EmbeddingRequest.Input? {
    var tokens: [Int32] = []
    tokens.reserveCapacity(elements.count)
    for (place, element) in elements.enumerated() {
      guard let number = element.integerValue else {
        return fields.wrongType("\(key).\(place)", "integer", element)
      }
      guard let token = Int32(exactly: number), token >= 0 else {
        return fields.wrongValue("\(key).\(place)", "is no token id")
      }
      tokens.append(token)
    }
    return .tokens(tokens)
  }
}
