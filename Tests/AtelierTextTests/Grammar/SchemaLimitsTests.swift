import AtelierCore
import AtelierText
import Testing

struct SchemaLimitsTests {
  private func error(_ schema: JSONValue) -> AtelierError? {
    do throws(AtelierError) {
      try SchemaLimits.standard.check(schema)
      return nil
    } catch {
      return error
    }
  }

  private func nested(_ levels: Int) -> JSONValue {
    (1..<levels).reduce(["type": "string"]) { schema, _ in ["items": schema] }
  }

  @Test func everyLimitIsInclusive() {
    #expect(error(nested(64)) == nil)
    #expect(error(nested(65))?.code == .invalidJSONSchema)
    func properties(_ count: Int) -> JSONValue {
      ["properties": .object(JSONObject((0..<count).map { ("p\($0)", JSONValue.bool(true)) }))]
    }
    #expect(error(properties(1_000)) == nil)
    #expect(error(properties(1_001)) != nil)
    #expect(error(["enum": .array(Array(repeating: "x", count: 1_000))]) == nil)
    #expect(error(["enum": .array(Array(repeating: "x", count: 1_001))]) != nil)
    for key in ["minItems", "maxItems", "minLength", "maxLength"] {
      #expect(error([(key, 2_000)].schema) == nil)
      #expect(error([(key, 2_001)].schema) != nil)
    }
    #expect(error(["pattern": .string(String(repeating: "a", count: 1_024))]) == nil)
    #expect(error(["pattern": .string(String(repeating: "a", count: 1_025))]) != nil)
    func groups(_ count: Int) -> JSONValue {
      ["pattern": .string(String(repeating: "(", count: count) + "a" + String(repeating: ")", count: count))]
    }
    #expect(error(groups(32)) == nil)
    #expect(error(groups(33)) != nil)
  }

  @Test(arguments: ["enum", "const", "default", "examples"])
  func dataIsNotLookedAtAndPropertiesOfSuchNamesAre(_ key: String) {
    let long: JSONValue = ["maxItems": 2_001]
    #expect(error([(key, long)].schema) == nil)
    for holder in ["properties", "patternProperties", "$defs"] {
      #expect(error([(holder, [(key, long)].schema)].schema) != nil)
    }
  }

  @Test(arguments: ["a{2001}", "a{1,2001}", "a{99999999999999999999999}"])
  func repetitionInPatternsIsBounded(_ pattern: String) { #expect(error(["pattern": .string(pattern)]) != nil) }

  @Test(arguments: ["a{2000}", "a{1,2000}", "\\{5000\\}", "[0-9]{4}-5000"])
  func otherNumbersInPatternsAreNot(_ pattern: String) { #expect(error(["pattern": .string(pattern)]) == nil) }

  @Test func onlyLocalReferences() {
    #expect(error(["$ref": "#/$defs/a"]) == nil)
    for reference in ["https://example.com/a.json", "a.json#/b", "file:///etc/passwd"] {
      #expect(error(["anyOf": [["$ref": .string(reference)]]]) != nil)
    }
  }

  @Test func rootHasToBeASchema() {
    #expect(error("text") != nil)
    #expect(error([]) != nil)
    #expect(error(true) == nil)
  }
}

extension [(String, JSONValue)] {
  fileprivate var schema: JSONValue { .object(JSONObject(self)) }
}
