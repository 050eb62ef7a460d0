import AtelierCore
import Foundation
import Testing

struct JSONWriterTests {
  @Test func writesCompactlyInOrder() {
    let value: JSONValue = ["z": 1, "a": 1.0, "m": [true, false, nil, "x", [:], []]]
    #expect(value.serialized() == #"{"z":1,"a":1.0,"m":[true,false,null,"x",{},[]]}"#)
  }

  @Test func escapesOnlyWhatItMust() {
    let text = "\"\\/\u{8}\u{C}\n\r\t\u{0}\u{1F}\u{7F}é😀\u{2028}<>&'"
    #expect(JSONValue.string(text).serialized() == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7F}é😀\u{2028}<>&'\"")
  }

  @Test(arguments: [
    (1.0, "1.0"), (-0.0, "-0.0"), (0.1, "0.1"), (0.1 + 0.2, "0.30000000000000004"), (1e22, "1e+22"),
    (.leastNonzeroMagnitude, "5e-324"),
    (.nan, "null"), (.infinity, "null"), (-.infinity, "null"),
  ])
  func writesNumbers(value: Double, expected: String) {
    #expect(JSONValue.number(value).serialized() == expected)
  }

  @Test func writesStringPieces() {
    var bytes = Array("[".utf8)
    JSONWriter.appendString("a\"b", to: &bytes)
    bytes.append(UInt8(ascii: ","))
    JSONWriter.appendInteger(.min, to: &bytes)
    bytes.append(UInt8(ascii: "]"))
    #expect(String(decoding: bytes, as: UTF8.self) == #"["a\"b",-9223372036854775808]"#)
  }

  @Test func survivesOtherCodersInOrder() throws {
    struct Wrapper: Codable, Equatable {
      var value: JSONValue
      var object: JSONObject
    }
    let wrapper = Wrapper(value: ["z": 1, "a": [1.0, "é\n"]], object: ["y": 2, "b": nil])
    let data = try JSONEncoder().encode(wrapper)
    #expect(try JSONDecoder().decode(Wrapper.self, from: data) == wrapper)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Wrapper.self, from: Data(#"{"value":"{","object":"{}"}"#.utf8))
    }
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Wrapper.self, from: Data(#"{"value":"1","object":"[]"}"#.utf8))
    }
  }
}
