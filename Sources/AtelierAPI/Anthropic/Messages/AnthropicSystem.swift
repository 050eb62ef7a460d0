import AtelierCore

/// The top-level `system` (anthropic.md 4.2).
enum AnthropicSystem {
  /// The texts of its blocks, in order.
  static func read(_ fields: FieldReader) -> [String] {
    let texts: [String]
    switch fields["system"] {
    case nil: return []
    case .string(let text): texts = [text]
    case .array(let blocks):
      texts = blocks.enumerated().compactMap { place, block in
        let path = "system.\(place)"
        guard let object = block.objectValue else { return fields.wrongType(path, "object", block) }
        let reader = FieldReader(object, path: path, problems: fields.problems)
        guard let type = reader.required("type", reader.string) else { return nil }
        guard type == "text" else { return reader.wrongValue("type", "must be 'text'") }
        return reader.required("text", reader.string)
      }
    case .some(let value):
      let _: Never? = fields.wrongType("system", "string or array of text blocks", value)
      return []
    }
    return texts.map(withoutAttribution).filter { !$0.isEmpty }
  }

  /// Claude Code's first block names its version and holds a value that changes with every request: at the start of the
  /// prompt it would defeat the prefix cache.
  static func withoutAttribution(_ text: String) -> String {
    guard text.hasPrefix("x-anthropic-billing-header:") else { return text }
    let rest = endOfChecksum(text) ?? text.firstIndex(of: "\n") ?? text.endIndex
    return String(text[rest...].drop(while: \.isWhitespace))
  }

  /// After `cch=<hex>;`.
  private static func endOfChecksum(_ text: String) -> String.Index? {
    var rest = text[...]
    while let found = rest.firstRange(of: "cch=") {
      rest = rest[found.upperBound...]
      let end = rest.drop(while: \.isHexDigit)
      if end.startIndex > rest.startIndex, end.first == ";" { return end.index(after: end.startIndex) }
    }
    return nil
  }
}
