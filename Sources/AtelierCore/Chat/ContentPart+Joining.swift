extension [ContentPart] {
  /// Adjacent texts become one. Takes time in proportion to what is added, however long the text before it is.
  package mutating func append(_ part: ContentPart, joiningTextWith separator: String) {
    guard case .text(let text) = part, case .text(var joined) = last else { return append(part) }
    // The text must be held here alone, or it is copied as a whole for each part.
    self[count - 1] = .text("")
    joined += separator
    joined += text
    self[count - 1] = .text(joined)
  }

  /// Each as `append(_:joiningTextWith:)`.
  package mutating func append(contentsOf parts: [ContentPart], joiningTextWith separator: String) {
    for part in parts { append(part, joiningTextWith: separator) }
  }
}
