import AtelierCore

extension SchemaCompiler {
  // MARK: Arrays

  /// nil when no array is possible.
  mutating func array(_ schema: JSONObject) throws(AtelierError) -> String? {
    let low = max(0, schema["minItems"]?.integerValue ?? 0)
    var high = schema["maxItems"]?.integerValue
    if let high, high < low { return nil }
    var items = schema["items"]
    var tuple = schema["prefixItems"]?.arrayValue ?? []
    if case .array(let elements)? = items {
      // The older form of tuples.
      tuple = elements
      items = schema["additionalItems"]
    }
    let isTuple = !tuple.isEmpty
    let space = try space()
    var parts: [String] = []
    for element in tuple.prefix(high ?? tuple.count) {
      guard let symbol = try symbol(element, "element") else { return nil }
      parts.append(symbol)
    }
    let rest = low - parts.count
    high = high.map { $0 - parts.count }
    // A tuple goes on only if the schema says so, or has to.
    var item: String?
    if high != 0, items != nil || !isTuple || rest > 0 { item = try symbol(items ?? true, "item") }
    if item == nil, rest > 0 { return nil }
    let head = parts.joined(separator: " \",\" \(space) ")
    guard let item else { return "\"[\" \(space) \(head.isEmpty ? "" : head + " " + space) \"]\"" }
    let next = try rules.add("\",\" \(space) \(item)", "items")
    if isTuple {
      return "\"[\" \(space) \(head) \(GrammarRules.repeated(next, max(0, rest), high)) \(space) \"]\""
    }
    let body = "\(item) \(GrammarRules.repeated(next, max(0, rest - 1), high.map { $0 - 1 }))"
    let inside = try rules.add(body, "inside")
    return "\"[\" \(space) \(rest > 0 ? inside : inside + "?") \(space) \"]\""
  }

  // MARK: Objects

  private struct Member {
    var symbol: String
    var isRequired: Bool
  }

  /// nil when no object is possible.
  mutating func object(_ schema: JSONObject) throws(AtelierError) -> String? {
    var properties = schema["properties"]?.objectValue ?? JSONObject()
    let required = schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? []
    let extra = try additional(schema)
    // What is required has to come, whether described or not.
    for key in required where properties[key] == nil {
      guard extra != nil || schema["additionalProperties"] != false else { return nil }
      properties[key] = schema["additionalProperties"] ?? true
    }
    let space = try space()
    var members: [Member] = []
    for (key, property) in properties {
      let isRequired = required.contains(key)
      guard let value = try symbol(property, "property") else {
        if isRequired { return nil }
        continue
      }
      let text = GrammarRules.literal(JSONValue.string(key).serialized() + ":")
      members.append(Member(symbol: try rules.add("\(text) \(space) \(value)", "member"), isRequired: isRequired))
    }
    // First within bounds, because the numbers are the client's and may be the smallest there are.
    var low = max(0, max(0, schema["minProperties"]?.integerValue ?? 0) - members.count { $0.isRequired })
    let high = schema["maxProperties"]?.integerValue.map { max(0, max(0, $0) - members.count) }
    if extra == nil {
      // Optional members have to make up the number.
      for index in members.indices where !members[index].isRequired && low > 0 {
        members[index].isRequired = true
        low -= 1
      }
      if low > 0 { return nil }
    }
    let tail = try extra.map { extra throws(AtelierError) in
      (extra, GrammarRules.repeated(try rules.add("\",\" \(space) \(extra)", "extras"), low, high))
    }
    let body = try inOrder(members, tail: high == 0 ? nil : tail, low: low, high: high, space: space)
    return "\"{\" \(space) \(body) \(space) \"}\""
  }

  /// Members in their order, with commas between those that come.
  private mutating func inOrder(
    _ members: [Member], tail: (one: String, more: String)?, low: Int, high: Int?, space: String
  ) throws(AtelierError) -> String {
    // From the end: what follows when something has come before, and when nothing has.
    var after = tail?.more ?? "\"\""
    var first = ""
    if let tail {
      let next = try rules.add("\",\" \(space) \(tail.one)", "extras")
      first = "\(tail.one) \(GrammarRules.repeated(next, max(0, low - 1), high.map { $0 - 1 }))"
      if low == 0 { first = try rules.add(first, "extras") + "?" }
    }
    for member in members.reversed() {
      let rest = try rules.add(after, "rest")
      let here = "\(member.symbol) \(rest)"
      first =
        member.isRequired
        ? here : first.isEmpty ? try rules.add(here, "first") + "?" : "(\(here) | \(try rules.add(first, "first")))"
      after =
        (member.isRequired ? "\",\" \(space) \(member.symbol)" : "(\",\" \(space) \(member.symbol))?") + " \(rest)"
    }
    return first
  }

  /// A member that `properties` does not name; nil when none may come.
  private mutating func additional(_ schema: JSONObject) throws(AtelierError) -> String? {
    let space = try space()
    if let patterns = schema["patternProperties"]?.objectValue, !patterns.isEmpty {
      var results: [String] = []
      for (pattern, schema) in patterns {
        guard let value = try symbol(schema, "property") else { continue }
        let key = try PatternCompiler.compile(pattern, into: &rules)
        results.append("\"\\\"\" \(key) \"\\\":\" \(space) \(value)")
      }
      return results.isEmpty ? nil : try rules.add(results.joined(separator: " | "), "extra")
    }
    let properties = schema["properties"]?.objectValue
    let rule = schema["additionalProperties"] ?? (properties == nil ? true : false)
    guard let value = try symbol(rule, "property") else { return nil }
    let key: String
    if let names = schema["propertyNames"] {
      guard let name = try symbol(["allOf": [["type": "string"], names]], "name") else { return nil }
      key = name
    } else {
      let names = (properties?.keys ?? []) + (schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
      key = try rules.add("\"\\\"\" \(try keyContent(avoiding: names)) \"\\\"\"", "key")
    }
    return try rules.add("\(key) \":\" \(space) \(value)", "extra")
  }

  /// Characters of a name that other keys have to differ from: the rules that tell them apart nest once a character.
  private static let longestAvoidedName = 256

  /// Text of a key that is none of the names. It holds no escapes, so that a name cannot be written in another way.
  private mutating func keyContent(avoiding names: [String]) throws(AtelierError) -> String {
    guard names.allSatisfy({ $0.unicodeScalars.count <= Self.longestAvoidedName }) else {
      throw SchemaLimits.error(
        "beside further properties a name has at most \(Self.longestAvoidedName) characters")
    }
    let plain = try rules.add(#"[^"\\\x7F\x00-\x1F]"#, "plain")
    return try keyContent(names.map { Array($0.unicodeScalars) }, plain)
  }

  private mutating func keyContent(_ names: [[Unicode.Scalar]], _ plain: String) throws(AtelierError) -> String {
    var children: [Unicode.Scalar: [[Unicode.Scalar]]] = [:]
    for name in names where !name.isEmpty { children[name[0], default: []].append(Array(name.dropFirst())) }
    guard !children.isEmpty else { return names.isEmpty ? "\(plain)*" : "\(plain)+" }
    let firsts = children.keys.sorted { $0.value < $1.value }
    let others = ScalarSet(firsts.map { $0.value...$0.value }).inverted
      .intersection(ScalarSet([0x20...0x21, 0x23...0x5B, 0x5D...0x7E, 0x80...0xD7FF, 0xE000...0x10FFFF]))
    var results: [String] = []
    if let other = others.jsonExpression { results.append("\(other) \(plain)*") }
    for first in firsts {
      let rest = try keyContent(children[first] ?? [], plain)
      results.append("\(GrammarRules.literal(String(Character(first)))) \(try rules.add(rest, "key"))")
    }
    // The text may end here unless that makes a name.
    if !names.contains(where: \.isEmpty) { results.append("\"\"") }
    return try rules.add(results.joined(separator: " | "), "key")
  }
}
