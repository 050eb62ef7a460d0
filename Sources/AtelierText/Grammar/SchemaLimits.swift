import AtelierCore

/// Bounds on a JSON schema, checked before it reaches the grammar compiler, whose own cost has no bound.
///
/// Only what makes the compiler's work grow is looked at; whether the schema means something is the compiler's business.
package struct SchemaLimits: Sendable, Hashable {
  package var depth = 64
  /// Properties of all objects together.
  package var properties = 1_000
  /// Values of all `enum`s together.
  package var enumValues = 1_000
  /// `minItems`, `maxItems`, `minLength`, `maxLength` and the counts in a pattern's `{…}`.
  package var repetition = 2_000
  /// Bytes.
  package var patternLength = 1_024
  package var groupDepth = 32

  package init() {}

  package static let standard = SchemaLimits()

  /// Throws `invalidJSONSchema` with the rule that was broken.
  package func check(_ schema: JSONValue) throws(AtelierError) {
    switch schema {
    case .object, .bool: break
    default: throw Self.error("it has to be an object")
    }
    var count = Count()
    try visit(schema, depth: 1, &count)
  }

  private struct Count {
    var properties = 0
    var enumValues = 0
  }

  private static let repetitionKeys = [
    "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties",
  ]

  /// Keywords whose values are no schemas.
  private static let dataKeys: Set<String> = ["enum", "const", "default", "examples"]
  /// Keywords whose values name schemas, also by the words above.
  private static let mapKeys: Set<String> = ["properties", "patternProperties", "$defs", "definitions"]

  private func visit(_ value: JSONValue, depth: Int, _ count: inout Count) throws(AtelierError) {
    switch value {
    case .array(let elements):
      try checkDepth(depth)
      for element in elements { try visit(element, depth: depth + 1, &count) }
    case .object(let members):
      try checkDepth(depth)
      try checkKeywords(of: members, &count)
      for (key, member) in members where !Self.dataKeys.contains(key) {
        if Self.mapKeys.contains(key), case .object(let named) = member {
          try checkDepth(depth + 1)
          for (_, schema) in named { try visit(schema, depth: depth + 2, &count) }
        } else {
          try visit(member, depth: depth + 1, &count)
        }
      }
    case .null, .bool, .integer, .number, .string: break
    }
  }

  private func checkDepth(_ depth: Int) throws(AtelierError) {
    guard depth <= self.depth else { throw Self.error("it is nested deeper than \(self.depth) levels") }
  }

  private func checkKeywords(of members: JSONObject, _ count: inout Count) throws(AtelierError) {
    if case .object(let properties)? = members["properties"] {
      count.properties += properties.count
      guard count.properties <= self.properties else {
        throw Self.error("it has more than \(self.properties) properties")
      }
    }
    if case .array(let values)? = members["enum"] {
      count.enumValues += values.count
      guard count.enumValues <= enumValues else { throw Self.error("it has more than \(enumValues) enum values") }
    }
    for key in Self.repetitionKeys {
      guard let number = members[key]?.doubleValue else { continue }
      guard number <= Double(repetition) else { throw Self.error("\(key) is above \(repetition)") }
    }
    if case .string(let pattern)? = members["pattern"] { try checkPattern(pattern) }
    if case .string(let reference)? = members["$ref"], !reference.hasPrefix("#") {
      throw Self.error("$ref may only point into the schema itself (#/…)")
    }
  }

  private func checkPattern(_ pattern: String) throws(AtelierError) {
    guard pattern.utf8.count <= patternLength else {
      throw Self.error("a pattern is longer than \(patternLength) bytes")
    }
    var group = 0
    var number: Int?
    var escaped = false
    for byte in pattern.utf8 {
      if escaped {
        escaped = false
        continue
      }
      switch byte {
      case UInt8(ascii: "\\"): escaped = true
      case UInt8(ascii: "("):
        group += 1
        guard group <= groupDepth else { throw Self.error("a pattern's groups are nested deeper than \(groupDepth)") }
      case UInt8(ascii: ")"): group = max(0, group - 1)
      case UInt8(ascii: "{"): number = 0
      case UInt8(ascii: ","): number = number.map { _ in 0 }
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        guard let digits = number else { continue }
        let value = digits * 10 + Int(byte - UInt8(ascii: "0"))
        guard value <= repetition else { throw Self.error("a pattern repeats something more than \(repetition) times") }
        number = value
      default: number = nil
      }
    }
  }

  static func error(_ rule: String) -> AtelierError {
    AtelierError(.invalidJSONSchema, "The schema cannot be used: \(rule).")
  }
}
