import AtelierCore

/// The items of a request's query, percent-decoded, `+` read as a space. Of a repeated name the first counts.
struct RequestQuery: Sendable {
  private let items: [(name: String, value: String)]

  init(target: String) {
    guard let mark = target.firstIndex(of: "?") else {
      items = []
      return
    }
    let query = target[target.index(after: mark)...].prefix { $0 != "#" }
    items = query.split(separator: "&").compactMap { item in
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decoded(parts[0]), let value = Self.decoded(parts.count > 1 ? parts[1] : "") else {
        return nil
      }
      return (name, value)
    }
  }

  subscript(name: String) -> String? { items.first { $0.name == name }?.value }

  var byName: [String: String] { Dictionary(items.map { ($0.name, $0.value) }) { first, _ in first } }

  /// Throws `invalidValue` for anything but `true` and `false`; the name alone means true.
  func boolean(_ name: String, default standard: Bool) throws(AtelierError) -> Bool {
    switch self[name]?.lowercased() {
    case nil: return standard
    case "", "true", "1": return true
    case "false", "0": return false
    default: throw AtelierError(.invalidValue, "'\(name)' must be true or false.", param: name)
    }
  }

  private static func decoded(_ text: Substring) -> String? {
    RequestPath.decoded(text.contains("+") ? Substring(text.map { $0 == "+" ? " " : String($0) }.joined()) : text)
  }
}
