/// Words of a server, made fit for a log line or an error message.
enum PlainText {
  /// One line of printable characters, at most `limit` of them.
  static func line(_ text: String, limit: Int) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(limit) {
      let isControl = scalar.properties.generalCategory == .control || scalar.properties.isWhitespace
      scalars.append(isControl ? " " : scalar)
    }
    return String(scalars)
  }

  /// With a capital at the beginning.
  static func sentence(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }

  /// Without white space at its ends.
  static func trimmed(_ text: String) -> String {
    let isSpace = { (character: Character) in character.isWhitespace }
    guard let first = text.firstIndex(where: { !isSpace($0) }), let last = text.lastIndex(where: { !isSpace($0) })
    else {
      return ""
    }
    return String(text[first...last])
  }
}
