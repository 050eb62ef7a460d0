/// What values a setting takes, and how each source writes them.
package enum SettingKind: Sendable, Hashable {
  case boolean
  case integer(ClosedRange<Int>)
  case choice([String])
  case text
  /// Flags and environment write it separated by commas.
  case list

  /// Reads what a flag or an environment variable holds.
  package func parse(_ text: String) throws(SettingProblem) -> JSONValue {
    switch self {
    case .boolean:
      switch text.lowercased() {
      case "true", "yes", "on", "1": return true
      case "false", "no", "off", "0": return false
      default: throw SettingProblem(reason: "'\(text)' is neither true nor false")
      }
    case .integer:
      guard let number = Int64(text) else { throw SettingProblem(reason: "'\(text)' is not a whole number") }
      return try check(.integer(number))
    case .choice, .text: return try check(.string(text))
    case .list:
      let parts = text.split(separator: ",").map { JSONValue.string(Self.trimmed($0)) }
      return try check(.array(parts.filter { $0 != .string("") }))
    }
  }

  /// Checks what a settings file holds.
  package func check(_ value: JSONValue) throws(SettingProblem) -> JSONValue {
    switch (self, value) {
    case (.boolean, .bool), (.text, .string): return value
    case (.integer(let range), _):
      guard let number = value.integerValue else { break }
      guard range.contains(number) else {
        throw SettingProblem(reason: "\(number) is outside \(range.lowerBound)…\(range.upperBound)")
      }
      return .integer(Int64(number))
    case (.choice(let options), .string(let text)):
      guard options.contains(text) else {
        throw SettingProblem(reason: "'\(text)' is none of \(options.joined(separator: ", "))")
      }
      return value
    case (.list, .array(let elements)) where elements.allSatisfy({ $0.stringValue != nil }): return value
    default: break
    }
    throw SettingProblem(reason: "expected \(summary), got \(value.kind)")
  }

  /// One phrase for people.
  package var summary: String {
    switch self {
    case .boolean: "true or false"
    case .integer(let range): "a whole number, \(range.lowerBound)…\(range.upperBound)"
    case .choice(let options): "one of \(options.joined(separator: ", "))"
    case .text: "a text"
    case .list: "a list of texts"
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    var rest = text
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return String(rest)
  }
}
