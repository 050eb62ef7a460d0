import AtelierCore

/// Typed, range-checked reads of one JSON object's members. A read that finds something wrong reports it to `problems`
/// with the member's dotted path and returns nil; an absent member and a `null` return nil silently.
struct FieldReader {
  let object: JSONObject
  /// Dotted path of the object in the request, empty for the body itself.
  let path: String
  let problems: RequestProblems

  init(_ object: JSONObject, path: String = "", problems: RequestProblems) {
    self.object = object
    self.path = path
    self.problems = problems
  }

  /// The body of a request, which must be an object.
  init(body: JSONValue, problems: RequestProblems) throws(AtelierError) {
    guard let object = body.objectValue else {
      throw AtelierError(.invalidJSON, "The request body must be a JSON object, not \(body.kind)")
    }
    self.init(object, problems: problems)
  }

  func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  subscript(key: String) -> JSONValue? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  func has(_ key: String) -> Bool { self[key] != nil }

  // MARK: Presence

  /// Reports an absent member; else reads it.
  func required<Value>(_ key: String, _ read: (String) -> Value?) -> Value? {
    guard has(key) else {
      let place = path(of: key)
      problems.add(.missingRequiredParameter, problems.wording.missing(place), param: place)
      return nil
    }
    return read(key)
  }

  /// For closed schemas. `param` is the object's path; for the body itself the key, when there is exactly one, because
  /// clients strip that field and try again.
  func refuseKeys(notIn known: Set<String>) {
    let unknown = object.keys.filter { !known.contains($0) }
    guard !unknown.isEmpty else { return }
    let names = unknown.prefix(8).map { "'\(Self.shortened($0))'" }.joined(separator: ", ")
    let param = path.isEmpty ? (unknown.count == 1 ? Self.shortened(unknown[0]) : nil) : path
    problems.add(.unrecognizedKeys, "Unrecognized key(s) in object: \(names)", param: param)
  }

  // MARK: Reads

  func string(_ key: String) -> String? {
    guard let value = self[key] else { return nil }
    guard let text = value.stringValue else { return wrongType(key, "string", value) }
    return text
  }

  /// A string that is not empty.
  func name(_ key: String) -> String? {
    guard let text = string(key) else { return nil }
    guard !text.isEmpty else { return wrongValue(key, "must not be empty") }
    return text
  }

  func boolean(_ key: String) -> Bool? {
    guard let value = self[key] else { return nil }
    guard let flag = value.boolValue else { return wrongType(key, "boolean", value) }
    return flag
  }

  /// A boolean, also written as the string "true" or "false".
  func lenientBoolean(_ key: String) -> Bool? {
    switch self[key] {
    case .string("true"): true
    case .string("false"): false
    default: boolean(key)
    }
  }

  /// An integer of at least `minimum`, also written with an empty fraction. `extra` is one more value allowed below it.
  func integer(_ key: String, from minimum: Int, to maximum: Int = Int(Int32.max), or extra: Int? = nil) -> Int? {
    guard let value = self[key] else { return nil }
    guard let number = value.integerValue else {
      if let number = value.doubleValue, number == number.rounded() {
        return wrongValue(key, Self.range(minimum, maximum, extra))
      }
      return wrongType(key, "integer", value)
    }
    guard (minimum...maximum).contains(number) || number == extra else {
      return wrongValue(key, Self.range(minimum, maximum, extra))
    }
    return number
  }

  func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
    guard let value = self[key] else { return nil }
    guard let number = value.doubleValue else { return wrongType(key, "number", value) }
    guard range.contains(number) else {
      return wrongValue(key, "must be between \(Self.text(range.lowerBound)) and \(Self.text(range.upperBound))")
    }
    return number
  }

  /// A number above 0 and at most `maximum`.
  func positiveNumber(_ key: String, upTo maximum: Double) -> Double? {
    guard let value = self[key] else { return nil }
    guard let number = value.doubleValue else { return wrongType(key, "number", value) }
    guard number > 0, number <= maximum else {
      return wrongValue(key, "must be greater than 0 and at most \(Self.text(maximum))")
    }
    return number
  }

  /// Any integer, folded to 32 bits: the same for every small positive one, and never dependent on the platform.
  func seed(_ key: String) -> UInt32? {
    guard let value = self[key] else { return nil }
    guard let number = value.integerValue else { return wrongType(key, "integer", value) }
    let bits = UInt64(bitPattern: Int64(number))
    return UInt32(truncatingIfNeeded: bits ^ (bits >> 32))
  }

  func array(_ key: String, upTo limit: Int) -> [JSONValue]? {
    guard let value = self[key] else { return nil }
    guard let elements = value.arrayValue else { return wrongType(key, "array", value) }
    guard elements.count <= limit else { return wrongValue(key, "must have at most \(limit) elements") }
    return elements
  }

  func object(_ key: String) -> JSONObject? {
    guard let value = self[key] else { return nil }
    guard let members = value.objectValue else { return wrongType(key, "object", value) }
    return members
  }

  /// A reader of a member that is an object.
  func reader(_ key: String) -> FieldReader? {
    object(key).map { FieldReader($0, path: path(of: key), problems: problems) }
  }

  /// An array of strings.
  func strings(_ key: String, upTo limit: Int) -> [String]? {
    guard let elements = array(key, upTo: limit) else { return nil }
    var texts: [String] = []
    texts.reserveCapacity(elements.count)
    for (place, element) in elements.enumerated() {
      guard let text = element.stringValue else { return wrongType("\(key).\(place)", "string", element) }
      texts.append(text)
    }
    return texts
  }

  /// One of the words of `table`.
  func word<Value>(_ key: String, of table: KeyValuePairs<String, Value>) -> Value? {
    guard let text = string(key) else { return nil }
    guard let value = table.first(where: { $0.key == text })?.value else {
      return wrongValue(key, Self.mustBe(oneOf: table.map(\.key)))
    }
    return value
  }

  /// One of the words.
  func word(_ key: String, among words: [String]) -> String? {
    guard let text = string(key) else { return nil }
    return words.contains(text) ? text : wrongValue(key, Self.mustBe(oneOf: words))
  }

  private static func mustBe(oneOf words: [String]) -> String {
    "must be one of \(words.map { "'\($0)'" }.joined(separator: ", "))"
  }

  /// LM Studio's `ttl` on other vendors' routes: seconds, or -1 for never. What is no usable value is ignored there.
  func lenientTimeToLive() -> TimeToLive? {
    guard let seconds = self["ttl"]?.integerValue else { return nil }
    if seconds == -1 { return .never }
    return seconds >= 1 && seconds <= Int(Int32.max) ? .seconds(seconds) : nil
  }

  /// LM Studio's `draft_model` on other vendors' routes; nil for none.
  func draftModel() -> String? { string("draft_model").flatMap { $0.isEmpty ? nil : $0 } }

  // MARK: Reports

  func wrongType<Value>(_ key: String, _ expected: String, _ value: JSONValue) -> Value? {
    let place = path(of: key)
    problems.add(
      .invalidType, problems.wording.wrongType(place, "expected \(expected), received \(value.kind)"), param: place)
    return nil
  }

  func wrongValue<Value>(_ key: String, _ rule: String) -> Value? {
    let place = path(of: key)
    problems.add(.invalidValue, problems.wording.wrongValue(place, rule), param: place)
    return nil
  }

  /// What a client wrote, short enough for a message.
  static func shortened(_ text: String) -> String { text.count <= 64 ? text : text.prefix(63) + "…" }

  private static func range(_ minimum: Int, _ maximum: Int, _ extra: Int?) -> String {
    let bounds = maximum == Int(Int32.max) ? "at least \(minimum)" : "between \(minimum) and \(maximum)"
    return "must be an integer \(bounds)" + (extra.map { ", or \($0)" } ?? "")
  }

  private static func text(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? String(number)
  }
}
