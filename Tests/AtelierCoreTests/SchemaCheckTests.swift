import AtelierCore
import Testing

struct SchemaCheckTests {
  private func problem(_ value: String, _ schema: String) throws -> String? {
    SchemaCheck.violation(of: try JSONValue(parsing: value), against: try JSONValue(parsing: schema))
  }

  @Test(arguments: [
    ("5", #"{"type":"integer"}"#), ("5.0", #"{"type":"integer"}"#), ("5", #"{"type":["null","number"]}"#),
    ("null", #"{"type":"string","nullable":true}"#), (#"{"b":1,"a":2}"#, #"{"const":{"a":2.0,"b":1}}"#),
    (#"{"a":1,"x":true}"#, #"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"#),
    (#"{"p1":1}"#, #"{"patternProperties":{"^p":{}},"additionalProperties":false}"#),
    ("[1,\"x\"]", #"{"prefixItems":[{"type":"integer"}],"items":{"type":"string"}}"#),
    ("\"a\"", ##"{"$ref":"#/$defs/t","$defs":{"t":{"enum":["a","b"]}}}"##),
    ("5", #"{"anyOf":[{"type":"string"},{"minimum":3}]}"#),
    ("5", #"{"if":{"minimum":6},"then":false,"else":{"maximum":5}}"#), ("\"é😀\"", #"{"minLength":2,"maxLength":2}"#),
    ("5", "true"), ("5", #"{"$ref":"https://elsewhere"}"#), ("5", #"{"type":"unheard-of"}"#),
    ("6", #"{"multipleOf":3}"#),
  ])
  func whatObeysPasses(_ value: String, _ schema: String) throws { #expect(try problem(value, schema) == nil) }

  @Test(arguments: [
    ("5.5", #"{"type":"integer"}"#, "the value must be integer"), ("{}", #"{"required":["a"]}"#, "'a' is required"),
    (
      #"{"a":{"b":[1,"x"]}}"#, #"{"properties":{"a":{"properties":{"b":{"items":{"type":"integer"}}}}}}"#,
      "'a.b.1' must be integer"
    ),
    (#"{"x":1}"#, #"{"additionalProperties":false}"#, "'x' is not allowed"),
    ("1", #"{"enum":["a",2]}"#, "the value must be one of [\"a\",2]"),
    ("true", #"{"const":1}"#, "the value must be 1"),
    ("2", #"{"anyOf":[{"type":"string"},{"minimum":3}]}"#, "the value must be string"),
    ("2", #"{"oneOf":[{"type":"string"}],"type":"integer"}"#, "the value must be string"),
    ("2", #"{"not":{"type":"integer"}}"#, "the value has a form that is not allowed"),
    ("2", #"{"allOf":[{},{"exclusiveMinimum":2}]}"#, "the value must be more than 2"),
    ("[]", #"{"minItems":1}"#, "the value must have at least 1 elements"),
    ("\"abc\"", #"{"maxLength":2}"#, "the value must have at most 2 characters"),
    ("5", "false", "the value is not allowed"),
    ("{\"a\":1}", ##"{"properties":{"a":{"$ref":"#"}},"type":"object"}"##, "'a' must be object"),
  ])
  func whatDoesNotIsNamed(_ value: String, _ schema: String, _ expected: String) throws {
    #expect(try problem(value, schema) == expected)
  }

  @Test func circlesEnd() throws {
    #expect(try problem("1", ##"{"$ref":"#"}"##) == nil)
    #expect(try problem("1", ##"{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}"##) == nil)
  }
}
