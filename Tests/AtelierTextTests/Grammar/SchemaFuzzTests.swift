import AtelierCore
import AtelierTesting
import AtelierText
import Testing

/// Schemas of random keywords with values of right and wrong kinds: each is compiled or refused as a bad schema, within the
/// bounds on size and work, and a broken limit is found wherever it stands.
struct SchemaFuzzTests {
  /// Threat model: an expanded grammar.
  private static let maxGrammarBytes = 1 << 20
  private static let words = ["a", "b", "name", "", "ü", "\"", "\\", "\u{0}", "a/b~c", "🧵"]
  private static let types = ["string", "integer", "number", "boolean", "null", "array", "object", "strange"]
  private static let patterns = [
    "^a+$", "[a-z]{2,5}", "(a|b)*c", "\\d{3}-\\w", "[^\\s]", "(", "a{", "[", "(?=a)", ".", "\\",
  ]
  private static let references = [
    "#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#/items", "#/x", "other.json", "#/$defs/~0",
  ]
  private static let formats = ["date-time", "uuid", "email", "ipv4", "date", "time", "strange"]

  private struct Maker {
    var random: SeededGenerator

    mutating func pick<Element>(_ elements: [Element]) -> Element {
      elements[Int.random(in: 0..<elements.count, using: &random)]
    }

    mutating func number() -> JSONValue {
      switch Int.random(in: 0..<8, using: &random) {
      case 0: .integer(Int64.random(in: .min ... .max, using: &random))
      case 1: .number(Double.random(in: -1e300...1e300, using: &random))
      case 2: .number(Double.random(in: -3...3, using: &random))
      default: .integer(Int64.random(in: -3...12, using: &random))
      }
    }

    mutating func value(_ depth: Int) -> JSONValue {
      switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
      case 0: .null
      case 1: .bool(Bool.random(using: &random))
      case 2: number()
      case 3, 4: .string(pick(SchemaFuzzTests.words))
      case 5: .array((0..<Int.random(in: 0...3, using: &random)).map { _ in value(depth - 1) })
      default:
        .object(
          JSONObject(
            (0..<Int.random(in: 0...3, using: &random)).map { _ in (pick(SchemaFuzzTests.words), value(depth - 1)) }))
      }
    }

    mutating func schemas(_ depth: Int) -> JSONValue {
      .array((0..<Int.random(in: 0...3, using: &random)).map { _ in schema(depth - 1) })
    }

    mutating func named(_ depth: Int) -> JSONValue {
      .object(
        JSONObject(
          (0..<Int.random(in: 0...3, using: &random)).map { _ in (pick(SchemaFuzzTests.words), schema(depth - 1)) }))
    }

    mutating func schema(_ depth: Int) -> JSONValue {
      if depth <= 0 || Int.random(in: 0..<12, using: &random) == 0 {
        return pick([true, false, [:], ["type": "string"], ["type": "integer"], .string("text"), .null])
      }
      var members = JSONObject()
      for _ in 0..<Int.random(in: 0...5, using: &random) {
        let (key, value) = member(depth)
        members[key] = Int.random(in: 0..<12, using: &random) == 0 ? self.value(2) : value
      }
      return .object(members)
    }

    private mutating func member(_ depth: Int) -> (String, JSONValue) {
      switch Int.random(in: 0..<20, using: &random) {
      case 0, 1, 2: ("type", .string(pick(SchemaFuzzTests.types)))
      case 3:
        ("type", .array((0..<Int.random(in: 0...3, using: &random)).map { _ in .string(pick(SchemaFuzzTests.types)) }))
      case 4, 5: ("properties", named(depth))
      case 6:
        (
          "required",
          .array((0..<Int.random(in: 0...3, using: &random)).map { _ in .string(pick(SchemaFuzzTests.words)) })
        )
      case 7: ("items", schema(depth - 1))
      case 8: ("prefixItems", schemas(depth))
      case 9: (pick(["anyOf", "oneOf", "allOf"]), schemas(depth))
      case 10: ("enum", .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(2) }))
      case 11: ("const", value(2))
      case 12: ("$ref", .string(pick(SchemaFuzzTests.references)))
      case 13: ("$defs", .object(["a": schema(depth - 1), "b": schema(depth - 1)]))
      case 14: ("pattern", .string(pick(SchemaFuzzTests.patterns) + pick(SchemaFuzzTests.patterns)))
      case 15: ("format", .string(pick(SchemaFuzzTests.formats)))
      case 16: (pick(["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"]), number())
      case 17: (pick(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]), number())
      case 18: ("additionalProperties", schema(depth - 1))
      default: (pick(["not", "if", "then", "patternProperties", "title", "default", "unknown"]), value(2))
      }
    }
  }

  @Test(arguments: 0..<8)
  func everySchemaIsCompiledOrRefused(seed: UInt64) {
    var maker = Maker(random: SeededGenerator(seed: seed))
    var compiled = 0
    for _ in 0..<250 {
      let schema = maker.schema(5)
      do {
        let grammar = try AnswerGrammar(schemaJSON: schema.serialized()).compiled()
        #expect(grammar.utf8.count <= Self.maxGrammarBytes)
        #expect(grammar.contains("root ::="))
        compiled += 1
      } catch {
        #expect(error.code == .invalidJSONSchema, "\(schema.serialized()): \(error.code)")
      }
    }
    #expect(compiled > 50)
  }

  private static let beyond: [JSONValue] = [
    ["maxLength": 2_001], ["minItems": 1e9], ["pattern": .string(String(repeating: "a", count: 1_025))],
    ["pattern": "a{3000}"], ["$ref": "https://example.com/a"],
    ["enum": .array(Array(repeating: 1, count: 1_001))],
    (0..<70).reduce(["type": "string"]) { schema, _ in ["items": schema] },
    ["properties": .object(JSONObject((0..<1_001).map { ("p\($0)", true as JSONValue) }))],
  ]

  @Test(arguments: 0..<8)
  func aBrokenLimitIsFoundWhereverItStands(kind: Int) {
    var maker = Maker(random: SeededGenerator(seed: 100 + UInt64(kind)))
    for _ in 0..<100 {
      var schema = Self.beyond[kind]
      for _ in 0..<Int.random(in: 0...6, using: &maker.random) {
        switch Int.random(in: 0..<5, using: &maker.random) {
        case 0: schema = ["type": "array", "items": schema]
        case 1: schema = ["properties": ["a": maker.schema(2), "b": schema]]
        case 2: schema = ["anyOf": [maker.schema(2), schema]]
        case 3: schema = ["$defs": ["a": schema], "type": "string"]
        default: schema = ["additionalProperties": schema]
        }
      }
      #expect(throws: AtelierError.self) { try SchemaLimits.standard.check(schema) }
    }
  }
}
