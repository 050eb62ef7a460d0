import AtelierCore

/// JSON as people like to edit it.
enum IndentedJSON {
  static func text(_ value: JSONValue, indent: String = "") -> String {
    let inner = indent + "  "
    switch value {
    case .object(let members) where !members.isEmpty:
      let lines = members.map { "\(inner)\(JSONValue.string($0).serialized()): \(text($1, indent: inner))" }
      return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
    case .array(let elements) where elements.contains(where: { $0.objectValue != nil || $0.arrayValue != nil }):
      return "[\n\(elements.map { inner + text($0, indent: inner) }.joined(separator: ",\n"))\n\(indent)]"
    case .array(let elements): return "[\(elements.map { $0.serialized() }.joined(separator: ", "))]"
    default: return value.serialized()
    }
  }
}
