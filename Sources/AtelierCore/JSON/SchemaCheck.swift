/// Whether a JSON value obeys a JSON schema (2020-12), as far as arguments and results of tools need it.
///
/// Not looked at: `pattern`, `format`, `patternProperties`, `propertyNames`, `contains`, `uniqueItems`, `dependent…` and
/// `unevaluated…`, and references out of the document. What is not looked at counts as obeyed, and so does everything
/// past the bounds: the one who made the schema checks again.
package struct SchemaCheck {
  private static let maxVisits = 10_000
  private static let maxDepth = 64

  private let document: JSONValue
  private var visits = 0

  private init(_ document: JSONValue) { self.document = document }

  /// The first violation as a phrase such as `'city.name' must be string`; nil when there is none.
  package static func violation(of value: JSONValue, against schema: JSONValue) -> String? {
    var check = SchemaCheck(schema)
    return check.violation(value, schema, at: "", depth: 0)
  }

  private mutating func violation(_ value: JSONValue, _ schema: JSONValue, at path: String, depth: Int) -> String? {
    visits += 1
    guard visits <= Self.maxVisits, depth <= Self.maxDepth else { return nil }
    guard case .object(let rules) = schema else {
      return schema == false ? "\(Self.name(path)) is not allowed" : nil
    }
    return reference(value, rules, at: path, depth: depth) ?? kind(value, rules, at: path)
      ?? combinations(value, rules, at: path, depth: depth) ?? content(value, rules, at: path, depth: depth)
  }

  private mutating func reference(
    _ value: JSONValue, _ rules: JSONObject, at path: String, depth: Int
  ) -> String? {
    guard let target = rules["$ref"]?.stringValue.flatMap(resolve) else { return nil }
    return violation(value, target, at: path, depth: depth + 1)
  }

  private func resolve(_ reference: String) -> JSONValue? {
    guard reference.hasPrefix("#") else { return nil }
    var value = document
    for part in reference.dropFirst().split(separator: "/") {
      let key = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
      if let member = value[key] {
        value = member
      } else if let elements = value.arrayValue, let index = Int(key), elements.indices.contains(index) {
        value = elements[index]
      } else {
        return nil
      }
    }
    return value
  }

  // MARK: The value itself

  private func kind(_ value: JSONValue, _ rules: JSONObject, at path: String) -> String? {
    var kinds = (rules["type"]?.arrayValue ?? rules["type"].map { [$0] } ?? []).compactMap(\.stringValue)
    if rules["nullable"] == true { kinds.append("null") }
    if !kinds.isEmpty, !kinds.contains(where: { Self.matches(value, $0) }) {
      return "\(Self.name(path)) must be \(kinds.joined(separator: " or "))"
    }
    if let options = rules["enum"]?.arrayValue, !options.contains(where: { Self.same($0, value) }) {
      let shown = JSONValue.array(Array(options.prefix(16))).serialized()
      return "\(Self.name(path)) must be one of \(shown)"
    }
    if let only = rules["const"], !Self.same(only, value) {
      return "\(Self.name(path)) must be \(only.serialized())"
    }
    return nil
  }

  private static func matches(_ value: JSONValue, _ kind: String) -> Bool {
    switch (kind, value) {
    case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object),
      ("number", .integer), ("number", .number), ("integer", .integer):
      true
    case ("integer", .number(let number)): number.isFinite && number == number.rounded()
    case ("null", _), ("boolean", _), ("string", _), ("array", _), ("object", _), ("number", _), ("integer", _): false
    default: true
    }
  }

  /// As JSON Schema has it: `1` is `1.0`, and the order of members does not matter.
  package static func same(_ one: JSONValue, _ other: JSONValue) -> Bool {
    switch (one, other) {
    case (.array(let left), .array(let right)): left.count == right.count && zip(left, right).allSatisfy(same)
    case (.object(let left), .object(let right)):
      left.count == right.count && left.allSatisfy { key, value in right[key].map { same(value, $0) } ?? false }
    case (.integer, .number), (.number, .integer): one.doubleValue == other.doubleValue
    default: one == other
    }
  }

  // MARK: Combinations

  private mutating func combinations(
    _ value: JSONValue, _ rules: JSONObject, at path: String, depth: Int
  ) -> String? {
    for part in rules["allOf"]?.arrayValue ?? [] {
      if let problem = violation(value, part, at: path, depth: depth + 1) { return problem }
    }
    if let options = rules["anyOf"]?.arrayValue, !options.isEmpty {
      if let problem = alternatives(value, options, at: path, depth: depth).first { return problem }
    }
    if let options = rules["oneOf"]?.arrayValue, !options.isEmpty {
      let problems = alternatives(value, options, at: path, depth: depth)
      if problems.count == options.count { return problems[0] }
    }
    if let excluded = rules["not"], violation(value, excluded, at: path, depth: depth + 1) == nil {
      return "\(Self.name(path)) has a form that is not allowed"
    }
    if let condition = rules["if"] {
      let holds = violation(value, condition, at: path, depth: depth + 1) == nil
      if let branch = rules[holds ? "then" : "else"] { return violation(value, branch, at: path, depth: depth + 1) }
    }
    return nil
  }

  /// The problems of all alternatives; empty as soon as one has none.
  private mutating func alternatives(
    _ value: JSONValue, _ options: [JSONValue], at path: String, depth: Int
  ) -> [String] {
    var problems: [String] = []
    for option in options {
      guard let problem = violation(value, option, at: path, depth: depth + 1) else { return [] }
      problems.append(problem)
    }
    return problems
  }

  // MARK: What is inside

  private mutating func content(_ value: JSONValue, _ rules: JSONObject, at path: String, depth: Int) -> String? {
    switch value {
    case .object(let members): object(members, rules, at: path, depth: depth)
    case .array(let elements): array(elements, rules, at: path, depth: depth)
    case .string(let text):
      Self.outside(text.unicodeScalars.count, rules, "minLength", "maxLength").map {
        "\(Self.name(path)) must have \($0) characters"
      }
    case .integer, .number: Self.number(value.doubleValue ?? 0, rules).map { "\(Self.name(path)) must be \($0)" }
    case .null, .bool: nil
    }
  }

  private mutating func object(_ members: JSONObject, _ rules: JSONObject, at path: String, depth: Int) -> String? {
    for name in (rules["required"]?.arrayValue ?? []).compactMap(\.stringValue) where members[name] == nil {
      return "\(Self.name(Self.join(path, name))) is required"
    }
    if let count = Self.outside(members.count, rules, "minProperties", "maxProperties") {
      return "\(Self.name(path)) must have \(count) members"
    }
    let properties = rules["properties"]?.objectValue ?? [:]
    // With patterns, which are not looked at, any further member may be one that matches.
    let others = rules["patternProperties"] == nil ? rules["additionalProperties"] : nil
    for (name, member) in members {
      guard let schema = properties[name] ?? others else { continue }
      if let problem = violation(member, schema, at: Self.join(path, name), depth: depth + 1) { return problem }
    }
    return nil
  }

  private mutating func array(_ elements: [JSONValue], _ rules: JSONObject, at path: String, depth: Int) -> String? {
    if let count = Self.outside(elements.count, rules, "minItems", "maxItems") {
      return "\(Self.name(path)) must have \(count) elements"
    }
    let first = rules["prefixItems"]?.arrayValue ?? rules["items"]?.arrayValue ?? []
    let others = rules["items"]?.arrayValue == nil ? rules["items"] : rules["additionalItems"]
    for (index, element) in elements.enumerated() {
      guard let schema = index < first.count ? first[index] : others else { continue }
      if let problem = violation(element, schema, at: Self.join(path, "\(index)"), depth: depth + 1) { return problem }
    }
    return nil
  }

  private static func outside(_ count: Int, _ rules: JSONObject, _ least: String, _ most: String) -> String? {
    if let bound = rules[least]?.integerValue, count < bound { return "at least \(bound)" }
    if let bound = rules[most]?.integerValue, count > bound { return "at most \(bound)" }
    return nil
  }

  private static func number(_ number: Double, _ rules: JSONObject) -> String? {
    if let bound = rules["minimum"]?.doubleValue, number < bound { return "at least \(text(bound))" }
    if let bound = rules["maximum"]?.doubleValue, number > bound { return "at most \(text(bound))" }
    if let bound = rules["exclusiveMinimum"]?.doubleValue, number <= bound { return "more than \(text(bound))" }
    if let bound = rules["exclusiveMaximum"]?.doubleValue, number >= bound { return "less than \(text(bound))" }
    if let step = rules["multipleOf"]?.integerValue, step > 0, number.truncatingRemainder(dividingBy: Double(step)) != 0
    {
      return "a multiple of \(step)"
    }
    return nil
  }

  private static func text(_ bound: Double) -> String { Int(exactly: bound).map(String.init) ?? bound.description }

  private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  private static func name(_ path: String) -> String { path.isEmpty ? "the value" : "'\(path)'" }
}
