import AtelierCore
import Foundation
import Testing

struct JSONParserTests {
  private func parse(_ text: String, limits: JSONLimits = .standard) throws -> JSONValue {
    try JSONValue(parsing: text, limits: limits)
  }

  @Test func keepsMemberOrderAndKindsOfNumber() throws {
    let value = try parse(#" { "z" : 1 , "a" : 1.0 , "m" : [ true , false , null , "x" , { } , [ ] ] } "#)
    #expect(value == ["z": 1, "a": 1.0, "m": [true, false, nil, "x", [:], []]])
    #expect(value.objectValue?.keys == ["z", "a", "m"])
  }

  @Test func lastDuplicateWinsAtFirstPlace() throws {
    let value = try parse(#"{"a":1,"b":2,"a":3}"#)
    #expect(value.objectValue?.keys == ["a", "b"])
    #expect(value["a"] == 3)
  }

  @Test func keepsOrderInLargeObjects() throws {
    let keys = (0..<500).map { "key\(($0 * 7919) % 500)" }
    let text = "{" + keys.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",") + "}"
    let value = try parse(text)
    #expect(value.objectValue?.keys == keys)
    #expect(value[keys[321]] == 321)
  }

  @Test(arguments: [
    ("0", JSONValue.integer(0)), ("-0", .integer(0)), ("-12", .integer(-12)),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .number(9_223_372_036_854_775_808)),
    ("-9223372036854775809", .number(-9_223_372_036_854_775_808)),
    ("123456789012345678901234567890", .number(1.2345678901234568e29)),
    ("1.0", .number(1)), ("0.7", .number(0.7)), ("1e2", .number(100)), ("1E+2", .number(100)), ("25e-1", .number(2.5)),
    ("0.1e1", .number(1)), ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
    ("4.9e-324", .number(.leastNonzeroMagnitude)),
    ("1e-400", .number(0)), ("0e999999999999999999999", .number(0)), ("9007199254740993.0", .number(9007199254740992)),
    ("0.30000000000000004", .number(0.1 + 0.2)),
  ])
  func readsNumbers(text: String, expected: JSONValue) throws {
    let value = try parse(text)
    #expect(value == expected)
    #expect(value.kind == expected.kind)
  }

  @Test(arguments: [
    (#""""#, ""), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""caf\u00e9 \u00E9""#, "café é"),
    (#""\uD83D\ude00!""#, "😀!"), (#""\ud83d""#, "\u{FFFD}"), (#""\ude00x""#, "\u{FFFD}x"),
    (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"), (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\ud83dude00""#, "\u{FFFD}ude00"),
    (#""\u0000""#, "\0"), ("\"é漢😀\u{7F}\u{2028}\"", "é漢😀\u{7F}\u{2028}"), (#""漢\n😀 abcdefgh é""#, "漢\n😀 abcdefgh é"),
  ])
  func readsStrings(text: String, expected: String) throws {
    let string = try #require(try parse(text).stringValue)
    #expect(Array(string.unicodeScalars) == Array(expected.unicodeScalars))
  }

  /// The scan works in words of eight bytes: every length and every place of an escape must give the same.
  @Test func stopsAtEveryPlaceInAWord() throws {
    for length in 0..<40 {
      let plain = String(repeating: "a", count: length)
      #expect(try parse("\"\(plain)\"") == .string(plain))
      for place in 0...length {
        let (head, tail) = (plain.prefix(place), plain.dropFirst(place))
        #expect(try parse("\"\(head)\\n\(tail)\"") == .string("\(head)\n\(tail)"))
        #expect(try parse("\"\(head)é\(tail)\"") == .string("\(head)é\(tail)"))
        let fault = #expect(throws: JSONParseError.self) { try parse("\"\(head)\u{1F}\(tail)\"") }
        #expect(fault?.offset == place + 1)
      }
    }
  }

  @Test(arguments: [
    "", "  ", "{", "[", "\"", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "[1", "[1,", "tru", "nul", "-", "1.", "1e",
    "1e+", "\"\\", "\"\\u12", "NaN", "Infinity", "-Infinity", "nan", "+1", ".5", "01", "-01", "1.e3", "0x10", "1e400",
    "-1e400", "1 2", "{} x", "[1,]", "{\"a\":1,}", "{,}", "[,]", "{a:1}", "{'a':1}", "{\"a\" 1}", "[1 2]", "}", "]",
    "\"\\x\"", "\"\\u12g4\"", "\"a\nb\"", "\"\t\"", "True", "// x\n1", "/**/1", "\u{FEFF}1", "\u{A0}1", "1\u{0}",
    "{\"a\":1}}", "[1]]", "{1:2}", "\"\\u\"", "\"\\u123\"",
  ])
  func refuses(text: String) {
    let fault = #expect(throws: JSONParseError.self) { try parse(text) }
    #expect((0...text.utf8.count).contains(fault?.offset ?? -1))
  }

  @Test(arguments: [
    [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82],
    [0xF0, 0x80, 0x80, 0x80],
    [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xE2, 0x28, 0xA1],
  ])
  func refusesInvalidUTF8(bytes: [UInt8]) {
    for tail in ["", "\\n", "abcdefghijk"] {
      let document = Array("\"ok".utf8) + bytes + Array(tail.utf8) + Array("\"".utf8)
      let fault = #expect(throws: JSONParseError.self) { try JSONValue(parsing: document) }
      #expect(fault?.offset == 3)
    }
    let key = Array("{\"".utf8) + bytes + Array("\":1}".utf8)
    #expect(throws: JSONParseError.self) { try JSONValue(parsing: key) }
    #expect(throws: JSONParseError.self) { try JSONValue(parsing: bytes) }
  }

  @Test func readsEveryKindOfByteSequence() throws {
    let text = #"{"a":[1,"é"]}"#
    let expected: JSONValue = ["a": [1, "é"]]
    #expect(try JSONValue(parsing: Array(text.utf8)) == expected)
    #expect(try JSONValue(parsing: Data(text.utf8)) == expected)
    #expect(try JSONValue(parsing: Array("xx\(text)yy".utf8)[2..<(2 + text.utf8.count)]) == expected)
    #expect(try JSONValue(parsing: Data("xx\(text)".utf8).dropFirst(2)) == expected)
    #expect(try JSONValue(parsing: text.utf8.lazy.map { $0 }) == expected)
    #expect(throws: JSONParseError.self) { try JSONValue(parsing: [UInt8]()) }
    #expect(throws: JSONParseError.self) { try JSONValue(parsing: Data()) }
  }

  @Test(arguments: ["[]", "{}"])
  func boundsDepth(pair: String) throws {
    let open = pair == "[]" ? "[" : "{\"a\":"
    let close = pair == "[]" ? "]" : "}"
    func nested(_ depth: Int) -> String {
      String(repeating: open, count: depth - 1) + pair + String(repeating: close, count: depth - 1)
    }
    _ = try parse(nested(128))
    #expect(throws: JSONParseError.self) { try parse(nested(129)) }
    #expect(throws: JSONParseError.self) { try parse(String(repeating: open, count: 1_000_000)) }
    _ = try parse(nested(3), limits: JSONLimits(depth: 3))
    #expect(throws: JSONParseError.self) { try parse(nested(4), limits: JSONLimits(depth: 3)) }
  }

  @Test func boundsMembersInTotal() throws {
    let limits = JSONLimits(members: 6)
    _ = try parse(#"{"a":[1,2],"b":{"c":1},"d":0}"#, limits: limits)
    #expect(throws: JSONParseError.self) { try parse(#"{"a":[1,2],"b":{"c":1},"d":0,"e":0}"#, limits: limits) }
    #expect(throws: JSONParseError.self) { try parse(#"{"a":1,"a":1,"a":1,"a":1,"a":1,"a":1,"a":1}"#, limits: limits) }
    let many = "[" + Array(repeating: "0", count: 100_000).joined(separator: ",")
    _ = try parse(many + "]")
    #expect(throws: JSONParseError.self) { try parse(many + ",0]") }
  }

  @Test func boundsTheLengthOfNumbers() throws {
    _ = try parse("0." + String(repeating: "1", count: 1022))
    #expect(throws: JSONParseError.self) { try parse("0." + String(repeating: "1", count: 1023)) }
  }

  @Test func namesThePlaceOfAFault() {
    let fault = #expect(throws: JSONParseError.self) { try parse(#"{"a":1 "b":2}"#) }
    #expect(fault?.offset == 7)
    #expect(fault?.description == "expected ',' or '}' after a member at byte 7")
  }
}
