import AtelierCore
import AtelierText
import Testing

/// That answers obey their schemas is shown end to end; here is what is refused, and that every rule has an end.
struct AnswerGrammarTests {
  private func compiled(_ schema: JSONValue) throws -> String {
    try AnswerGrammar(schemaJSON: schema.serialized()).compiled()
  }

  @Test(
    arguments: [
      false, ["type": "strange"], ["$ref": "#/$defs/missing"], ["$ref": "https://example.com/schema"],
      ["type": "integer", "minimum": 3, "maximum": 2], ["enum": []], ["type": "string", "enum": [1, 2]],
      ["type": "object", "properties": ["a": false], "required": ["a"]],
      ["type": "object", "properties": [:], "required": ["a"], "additionalProperties": false],
      ["allOf": [["type": "string"], ["type": "integer"]]], ["type": "array", "minItems": 3, "maxItems": 1],
      ["type": "string", "pattern": "(?=a)b"], ["type": "string", "pattern": #"(a)\1"#],
      ["type": "string", "pattern": "a**"],
      ["type": "string", "pattern": "(a"], ["type": "string", "pattern": "(((((a+)+)+)+)+)"],
      ["type": "string", "pattern": "[b-a]"],
      ["type": "number", "minimum": 1e300],
      ["$defs": ["a": ["allOf": [["$ref": "#/$defs/a"]]]], "$ref": "#/$defs/a"],
    ] as [JSONValue])
  func whatCannotBeHeldIsRefused(_ schema: JSONValue) {
    do {
      let grammar = try compiled(schema)
      Issue.record("accepted: \(grammar)")
    } catch {
      #expect((error as? AtelierError)?.code == .invalidJSONSchema)
    }
  }

  @Test(arguments: ["minProperties", "maxProperties", "minItems", "minLength"])
  func theSmallestNumberIsNone(_ key: String) throws {
    let schema: JSONValue = ["type": "object", "properties": ["a": true], "required": ["a"]]
    var members = try #require(schema.objectValue)
    members[key] = .integer(.min)
    #expect(try !compiled(.object(members)).isEmpty)
    var any: JSONObject = ["type": ["object", "array", "string"]]
    any[key] = .integer(.min)
    #expect(try !compiled(.object(any)).isEmpty)
  }

  /// The rules nest once a character, and a worker's thread has only so much stack.
  @Test func longNamesBesideFurtherPropertiesAreRefused() throws {
    func schema(_ length: Int, _ others: JSONValue) -> JSONValue {
      var names = JSONObject()
      names[String(repeating: "n", count: length)] = true
      return ["type": "object", "properties": .object(names), "additionalProperties": others]
    }
    #expect(try !compiled(schema(256, true)).isEmpty)
    #expect(throws: AtelierError.self) { try compiled(schema(257, true)) }
    #expect(try !compiled(schema(4096, false)).isEmpty)
  }

  @Test func aSchemaThatMultipliesIsRefused() {
    // Each level refers twice to the next one with other siblings, so nothing is shared.
    var definitions = JSONObject()
    for level in 0..<40 {
      let next = JSONValue.string("#/$defs/d\(level + 1)")
      definitions["d\(level)"] = [
        "anyOf": [
          ["$ref": next, "minLength": .integer(Int64(level))],
          ["$ref": next, "maxLength": .integer(Int64(100 - level))],
        ]
      ]
    }
    definitions["d40"] = ["type": "string"]
    #expect(throws: AtelierError.self) { try compiled(["$defs": .object(definitions), "$ref": "#/$defs/d0"]) }
  }

  @Test func aToolWhoseSchemaCannotBeUsedTakesAnyObject() throws {
    let bad = AnswerGrammar(tools: [
      .init(name: "f", parametersJSON: #"{"type":"object","properties":{"a":{"pattern":"(?=x)"}}}"#)
    ])
    let any = AnswerGrammar(tools: [.init(name: "f", parametersJSON: #"{"type":"object"}"#)])
    #expect(try bad.compiled() == any.compiled())
    #expect(try any.compiled().contains(#""<tool_call>\n{\"name\": \"f\", \"arguments\": ""#))
  }

  @Test func everyRuleThatIsNamedIsThere() throws {
    let schema: JSONValue = [
      "$defs": ["n": ["type": "object", "properties": ["l": ["anyOf": [["$ref": "#/$defs/n"], ["type": "null"]]]]]],
      "type": "object",
      "properties": [
        "s": ["type": "string", "pattern": #"^(a|\d{2})+$"#], "t": ["type": "string", "format": "date-time"],
        "x": ["type": "number", "minimum": -0.5, "exclusiveMaximum": 12], "l": ["$ref": "#/$defs/n"],
        "m": ["type": "object", "additionalProperties": ["type": "integer", "minimum": 3]],
      ],
      "required": ["s"], "additionalProperties": ["enum": [1, "two"]],
    ]
    let reasoning = AnswerGrammar.Reasoning(start: "<think>", end: "</think>", isOpen: false)
    let grammar = try AnswerGrammar(
      schemaJSON: schema.serialized(), tools: [.init(name: "f", parametersJSON: nil)], reasoning: reasoning,
      alternative: "root ::= tool\ntool ::= \"x\"\n"
    ).compiled()
    let lines = grammar.split(separator: "\n")
    let defined = Set(lines.compactMap { $0.split(separator: " ").first.map(String.init) })
    #expect(defined.count == lines.count)
    for match in grammar.matches(of: /\ba-[a-z]+-[0-9]+\b/) { #expect(defined.contains(String(match.output))) }
    #expect(defined.contains("tool"))
    #expect(lines.count { $0.hasPrefix("root ::=") } == 1)
  }
}
