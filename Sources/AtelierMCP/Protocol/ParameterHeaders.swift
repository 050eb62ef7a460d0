import AtelierCore
import Foundation

/// Arguments that a tool wants repeated as HTTP headers: properties of its schema with `x-mcp-header` (2026-07-28,
/// "Custom headers").
package struct ParameterHeaders: Sendable, Hashable {
  private struct Entry: Sendable, Hashable {
    /// Keys from the arguments' root.
    var path: [String]
    /// What follows `Mcp-Param-`.
    var token: String
  }

  private var entries: [Entry] = []

  private static let annotation = "x-mcp-header"
  private static let maxVisits = 10_000
  private static let singles = [
    "items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties", "not",
    "if", "then", "else", "contentSchema",
  ]
  private static let lists = ["allOf", "anyOf", "oneOf", "prefixItems"]
  private static let maps = ["patternProperties", "dependentSchemas", "$defs", "definitions"]

  /// nil when an annotation is wrong: not on a string, integer or boolean that is reached by `properties` alone, not a
  /// token, or twice. A tool with such a schema must not be offered.
  init?(schema: JSONValue) {
    var seen: Set<String> = []
    var stack: [(path: [String]?, schema: JSONValue)] = [([], schema)]
    var visits = 0
    while let (path, schema) = stack.popLast() {
      visits += 1
      guard visits <= Self.maxVisits else { return nil }
      guard let members = schema.objectValue else { continue }
      if let value = members[Self.annotation] {
        guard let path, !path.isEmpty, let token = value.stringValue, Self.isToken(token),
          let kind = members["type"]?.stringValue, ["string", "integer", "boolean"].contains(kind),
          seen.insert(token.lowercased()).inserted
        else { return nil }
        entries.append(Entry(path: path, token: token))
      }
      for (name, property) in members["properties"]?.objectValue ?? [:] {
        stack.append((path.map { $0 + [name] }, property))
      }
      for key in Self.singles { if let inner = members[key] { stack.append((nil, inner)) } }
      for key in Self.lists { for inner in members[key]?.arrayValue ?? [] { stack.append((nil, inner)) } }
      for key in Self.maps { for (_, inner) in members[key]?.objectValue ?? [:] { stack.append((nil, inner)) } }
    }
    entries.sort { $0.token < $1.token }
  }

  /// The headers of a call with these arguments; what is absent, null or no scalar has none.
  func headers(for arguments: JSONObject) -> [(name: String, value: String)] {
    entries.compactMap { entry in
      var value = JSONValue.object(arguments)
      for key in entry.path {
        guard let next = value[key] else { return nil }
        value = next
      }
      guard let text = Self.text(value) else { return nil }
      return ("Mcp-Param-" + entry.token, HeaderText.encode(text))
    }
  }

  private static func text(_ value: JSONValue) -> String? {
    switch value {
    case .bool(let flag): flag ? "true" : "false"
    case .integer(let number): String(number)
    case .number(let number): number.description
    case .string(let text): text
    case .null, .array, .object: nil
    }
  }

  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 128
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
          || "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
  }
}
