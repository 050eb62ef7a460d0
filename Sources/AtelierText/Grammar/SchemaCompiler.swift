import AtelierCore
import Foundation

/// Turns a JSON schema into GBNF rules. What the grammar allows obeys the schema; where JSON schema allows more than a
/// grammar can say or a reader would want, the grammar allows less: members come in the order of `properties`, an object
/// with `properties` has no others unless `additionalProperties` says so, tuples are complete.
///
/// Ignored, as openai.md 7.7 allows: `if`/`then`/`else`, `not`, `multipleOf`, `uniqueItems`, `contains`, `dependent…`,
/// `unevaluated…`, unknown formats; `oneOf` is read as `anyOf`. Throws `invalidJSONSchema` for what cannot be satisfied, for
/// references out of the document, and past the bounds.
struct SchemaCompiler {
  private let document: JSONValue
  var rules: GrammarRules
  private var references: [String: String] = [:]
  private var symbols: [JSONValue: Symbol] = [:]
  private var visits = 0
  private var depth = 0

  private struct Symbol {
    /// nil: nothing satisfies the schema.
    var name: String?
  }

  private static let maxVisits = 20_000
  private static let maxDepth = 192

  private init(_ document: JSONValue, _ rules: GrammarRules) {
    self.document = document
    self.rules = rules
  }

  /// Appends the schema's rules and returns the name of the one that matches a value.
  static func compile(_ schema: JSONValue, into rules: inout GrammarRules) throws(AtelierError) -> String {
    try SchemaLimits.standard.check(schema)
    var compiler = SchemaCompiler(schema, rules)
    let name = try compiler.rules.reserve("schema")
    compiler.references["#"] = name
    guard let body = try compiler.expression(schema) else { throw SchemaLimits.error("nothing can satisfy it") }
    try compiler.rules.define(name, body)
    rules = compiler.rules
    return name
  }

  /// An expression that may hold alternatives; nil when nothing satisfies the schema.
  mutating func expression(_ schema: JSONValue) throws(AtelierError) -> String? {
    visits += 1
    depth += 1
    defer { depth -= 1 }
    guard visits <= Self.maxVisits, depth <= Self.maxDepth else { throw SchemaLimits.error("it is too large") }
    switch schema {
    case .bool(true): return try anyValue()
    case .bool(false): return nil
    case .object(let members):
      if let reference = members["$ref"]?.stringValue, !Self.constrains(members, besides: "$ref") {
        return try rule(for: reference)
      }
      guard let flat = try flattened(members, hops: 0) else { return nil }
      return try alternatives(of: flat)
    default: throw SchemaLimits.error("a schema has to be an object or a boolean")
    }
  }

  /// One symbol for a schema; nil when nothing satisfies it.
  mutating func symbol(_ schema: JSONValue, _ hint: String) throws(AtelierError) -> String? {
    if let known = symbols[schema] { return known.name }
    let name = try rules.reserve(hint)
    // Known before its body is, so that recursion ends here.
    symbols[schema] = Symbol(name: name)
    guard let expression = try expression(schema) else {
      symbols[schema] = Symbol(name: nil)
      return nil
    }
    try rules.define(name, expression)
    return name
  }

  // MARK: References and conjunctions

  private static let annotations: Set<String> = [
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$schema", "$id",
    "$defs", "definitions", "$anchor",
  ]

  private static func constrains(_ members: JSONObject, besides key: String) -> Bool {
    members.keys.contains { $0 != key && !annotations.contains($0) }
  }

  private mutating func rule(for reference: String) throws(AtelierError) -> String? {
    if let name = references[reference] { return name }
    let target = try resolve(reference)
    let name = try rules.reserve("ref")
    references[reference] = name
    guard let body = try expression(target) else { return nil }
    try rules.define(name, body)
    return name
  }

  private func resolve(_ reference: String) throws(AtelierError) -> JSONValue {
    guard reference.hasPrefix("#") else { throw SchemaLimits.error("$ref may only point into the schema itself (#/…)") }
    var value = document
    for part in reference.dropFirst().split(separator: "/", omittingEmptySubsequences: true) {
      let key = (part.removingPercentEncoding ?? String(part)).replacing("~1", with: "/").replacing("~0", with: "~")
      if let member = value[key] {
        value = member
      } else if let elements = value.arrayValue, let index = Int(key), elements.indices.contains(index) {
        value = elements[index]
      } else {
        throw SchemaLimits.error("the reference \(reference) points to nothing")
      }
    }
    return value
  }

  /// The schema without `$ref` and `allOf`, and with `anyOf` for `oneOf`; nil when nothing satisfies it.
  private mutating func flattened(_ members: JSONObject, hops: Int) throws(AtelierError) -> JSONObject? {
    visits += 1
    guard hops < 32, visits <= Self.maxVisits else {
      throw SchemaLimits.error("its references and allOf go in circles")
    }
    var base = members
    var parts: [JSONValue] = []
    if let reference = base["$ref"]?.stringValue {
      base["$ref"] = nil
      parts.append(try resolve(reference))
    }
    if let all = base["allOf"]?.arrayValue {
      base["allOf"] = nil
      parts += all
    }
    if let alternatives = base["oneOf"]?.arrayValue {
      base["oneOf"] = nil
      if base["anyOf"] == nil {
        base["anyOf"] = .array(alternatives)
      } else {
        parts.append(["anyOf": .array(alternatives)])
      }
    }
    if base["nullable"] == true, let types = SchemaMerge.types(base), !types.contains("null") {
      base["type"] = .array((types + ["null"]).map(JSONValue.string))
    }
    for part in parts {
      switch part {
      case .bool(true): continue
      case .object(let other):
        guard let flat = try flattened(other, hops: hops + 1), let merged = SchemaMerge.merge(base, flat) else {
          return nil
        }
        base = merged
      default: return nil
      }
    }
    return base
  }

  private mutating func alternatives(of schema: JSONObject) throws(AtelierError) -> String? {
    var base = schema
    guard let choices = base["anyOf"]?.arrayValue else { return try value(of: base) }
    base["anyOf"] = nil
    let isFree = !Self.constrains(base, besides: "anyOf")
    var results: [String] = []
    for choice in choices {
      let both: JSONValue = isFree ? choice : ["allOf": [.object(base), choice]]
      if let symbol = try symbol(both, "choice"), !results.contains(symbol) { results.append(symbol) }
    }
    return results.isEmpty ? nil : results.joined(separator: " | ")
  }

  // MARK: Values

  private mutating func value(of schema: JSONObject) throws(AtelierError) -> String? {
    let types = SchemaMerge.types(schema) ?? Self.impliedTypes(schema)
    if let values = SchemaMerge.values(schema) {
      let allowed = values.filter { value in types.map { $0.contains { Self.is(value, $0) } } ?? true }
      return allowed.isEmpty
        ? nil : allowed.map { GrammarRules.literal($0.serialized()) }.joined(separator: " | ")
    }
    guard let types else { return try anyValue() }
    var results: [String] = []
    for type in types {
      let expression: String? =
        switch type {
        case "object": try object(schema)
        case "array": try array(schema)
        case "string": try string(schema)
        case "integer": try integer(schema)
        case "number": try number(schema)
        case "boolean": "\"true\" | \"false\""
        case "null": "\"null\""
        default: throw SchemaLimits.error("'\(type)' is no type")
        }
      guard let expression else { continue }
      results.append(types.count == 1 ? expression : try rules.add(expression, type))
    }
    return results.isEmpty ? nil : results.joined(separator: " | ")
  }

  private static func `is`(_ value: JSONValue, _ type: String) -> Bool {
    switch type {
    case "number": value.doubleValue != nil
    case "integer": value.integerValue != nil
    default: value.kind == type
    }
  }

  /// Without `type`, keywords of one type mean that type.
  private static func impliedTypes(_ schema: JSONObject) -> [String]? {
    let has = { (keys: [String]) in keys.contains { schema[$0] != nil } }
    if has(["properties", "additionalProperties", "required", "patternProperties", "minProperties"]) {
      return ["object"]
    }
    if has(["items", "prefixItems", "minItems", "maxItems"]) { return ["array"] }
    if has(["pattern", "minLength", "maxLength", "format"]) { return ["string"] }
    if has(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]) { return ["number"] }
    return nil
  }

  /// White space between JSON's tokens, bounded so that a model cannot go on with it for ever.
  mutating func space() throws(AtelierError) -> String { try rules.add(#"" "? | "\n" [ \t]{0,20}"#, "ws") }

  mutating func anyValue() throws(AtelierError) -> String {
    let key = "any value"
    if let name = references[key] { return name }
    let name = try rules.reserve("value")
    references[key] = name
    let space = try space()
    let text = try rules.add("\"\\\"\" \(try character())* \"\\\"\"", "text")
    let numeric = try rules.add(Self.anyNumber, "number")
    let member = try rules.add("\(text) \":\" \(space) \(name)", "member")
    let nextMember = try rules.add("\",\" \(space) \(member)", "members")
    let nextElement = try rules.add("\",\" \(space) \(name)", "elements")
    let object = try rules.add("\"{\" \(space) (\(member) \(nextMember)*)? \(space) \"}\"", "object")
    let array = try rules.add("\"[\" \(space) (\(name) \(nextElement)*)? \(space) \"]\"", "array")
    try rules.define(name, "\(object) | \(array) | \(text) | \(numeric) | \"true\" | \"false\" | \"null\"")
    return name
  }

  private static let anyNumber =
    #""-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9] [0-9]?)?"#

  private func numberBound(_ key: String, _ schema: JSONObject) -> Double? { schema[key]?.doubleValue }

  private mutating func integer(_ schema: JSONObject) throws(AtelierError) -> String? {
    let low = [numberBound("minimum", schema), numberBound("exclusiveMinimum", schema).map { $0.rounded(.down) + 1 }]
    let high = [numberBound("maximum", schema), numberBound("exclusiveMaximum", schema).map { $0.rounded(.up) - 1 }]
    let (least, most) = (low.compactMap(\.self).max(), high.compactMap(\.self).min())
    guard least != nil || most != nil else { return #""-"? ("0" | [1-9] [0-9]{0,15})"# }
    guard let range = NumberRange(integersFrom: least, to: most) else {
      throw SchemaLimits.error("a number's bound is too large")
    }
    let alternatives = range.alternatives(fractions: false)
    return alternatives.isEmpty ? nil : alternatives.joined(separator: " | ")
  }

  private mutating func number(_ schema: JSONObject) throws(AtelierError) -> String? {
    let low = Self.tighter(
      numberBound("minimum", schema), numberBound("exclusiveMinimum", schema), by: { $0 >= $1 })
    let high = Self.tighter(
      numberBound("maximum", schema), numberBound("exclusiveMaximum", schema), by: { $0 <= $1 })
    guard low != nil || high != nil else { return Self.anyNumber }
    guard let range = NumberRange(numbersFrom: low, to: high) else {
      throw SchemaLimits.error("a number's bound is too large")
    }
    let alternatives = range.alternatives(fractions: true)
    return alternatives.isEmpty ? nil : alternatives.joined(separator: " | ")
  }

  private static func tighter(
    _ inclusive: Double?, _ exclusive: Double?, by isTighter: (Double, Double) -> Bool
  ) -> (value: Double, isExclusive: Bool)? {
    if let exclusive, inclusive.map({ isTighter(exclusive, $0) }) ?? true { return (exclusive, true) }
    return inclusive.map { ($0, false) }
  }
}
