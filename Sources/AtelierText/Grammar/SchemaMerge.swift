import AtelierCore

/// The conjunction of two JSON schemas as one schema; nil when no value can satisfy both. Both are without `$ref` and
/// `allOf`. Where a grammar could not say the conjunction, one side's keyword stays.
enum SchemaMerge {
  private static let maxAlternatives = 64

  static func merge(_ left: JSONObject, _ right: JSONObject) -> JSONObject? {
    var result = left
    for (key, value) in right where result[key] == nil { result[key] = value }
    guard mergeTypes(left, right, into: &result), mergeValues(left, right, into: &result) else { return nil }
    for key in ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"] {
      pick(key, left, right, into: &result, max)
    }
    for key in ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"] {
      pick(key, left, right, into: &result, min)
    }
    if let one = left["anyOf"]?.arrayValue, let other = right["anyOf"]?.arrayValue,
      one.count * other.count <= maxAlternatives
    {
      result["anyOf"] = .array(one.flatMap { first in other.map { ["allOf": [first, $0]] } })
    }
    if let one = left["items"], let other = right["items"], one != other { result["items"] = ["allOf": [one, other]] }
    return mergeProperties(left, right, into: &result) ? result : nil
  }

  private static func pick(
    _ key: String, _ left: JSONObject, _ right: JSONObject, into result: inout JSONObject,
    _ choose: (Double, Double) -> Double
  ) {
    guard let one = left[key]?.doubleValue, let other = right[key]?.doubleValue else { return }
    result[key] = choose(one, other) == one ? left[key] : right[key]
  }

  private static func mergeTypes(_ left: JSONObject, _ right: JSONObject, into result: inout JSONObject) -> Bool {
    guard let one = types(left), let other = types(right) else { return true }
    let both =
      one.filter { other.contains($0) || ($0 == "integer" && other.contains("number")) }
      + (one.contains("number") && !one.contains("integer") ? other.filter { $0 == "integer" } : [])
    result["type"] = .array(both.map(JSONValue.string))
    return !both.isEmpty
  }

  static func types(_ schema: JSONObject) -> [String]? {
    switch schema["type"] {
    case .string(let type)?: [type]
    case .array(let types)?: types.compactMap(\.stringValue)
    default: nil
    }
  }

  private static func mergeValues(_ left: JSONObject, _ right: JSONObject, into result: inout JSONObject) -> Bool {
    let (one, other) = (values(left), values(right))
    guard let values = one.map({ one in other.map { other in one.filter { other.contains($0) } } ?? one }) ?? other
    else { return true }
    result["const"] = nil
    result["enum"] = .array(values)
    return !values.isEmpty
  }

  static func values(_ schema: JSONObject) -> [JSONValue]? {
    schema["const"].map { [$0] } ?? schema["enum"]?.arrayValue
  }

  /// A property that only one side names obeys the other side's `additionalProperties`.
  private static func mergeProperties(_ left: JSONObject, _ right: JSONObject, into result: inout JSONObject) -> Bool {
    let required = (left["required"]?.arrayValue ?? []) + (right["required"]?.arrayValue ?? [])
    var merged = JSONObject()
    let (ours, theirs) = (left["properties"]?.objectValue, right["properties"]?.objectValue)
    for key in (ours?.keys ?? []) + (theirs?.keys ?? []) where merged[key] == nil {
      let one = ours?[key] ?? left["additionalProperties"] ?? true
      let other = theirs?[key] ?? right["additionalProperties"] ?? true
      if one == false || other == false {
        if required.contains(.string(key)) { return false }
        continue
      }
      merged[key] = one == true || one == other ? other : other == true ? one : ["allOf": [one, other]]
    }
    if ours != nil || theirs != nil { result["properties"] = .object(merged) }
    if !required.isEmpty { result["required"] = .array(required) }
    if let one = left["additionalProperties"], let other = right["additionalProperties"] {
      result["additionalProperties"] =
        one == false || other == false ? false : one == true ? other : other == true ? one : ["allOf": [one, other]]
    }
    return true
  }
}
