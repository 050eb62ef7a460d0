import AtelierCore
import AtelierTesting
import Foundation
import Testing

struct JSONPropertyTests {
  @Test func randomValuesRoundTrip() throws {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<3000 {
      let value = JSONValue.random(depth: 5, using: &random)
      let text = value.serialized()
      let parsed = try JSONValue(parsing: text)
      #expect(parsed == value)
      #expect(parsed.serialized() == text)
    }
  }

  @Test func agreesWithFoundationOnRandomDoubles() throws {
    var random = SeededGenerator(seed: 2)
    for _ in 0..<20_000 {
      let digits = UInt64.random(in: 0...(1 << UInt64.random(in: 1...63)), using: &random)
      let text = "\(digits).\(UInt32.random(in: 0...9999, using: &random))e\(Int.random(in: -40...40, using: &random))"
      #expect(try JSONValue(parsing: text).doubleValue == Double(text), "\(text)")
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      let parsed = try JSONValue(parsing: JSONValue.number(value).serialized()).doubleValue
      #expect(parsed?.bitPattern == value.bitPattern)
    }
  }

  @Test func everyTruncationIsRefused() throws {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<150 {
      // Any prefix of an array or object is unfinished; a prefix of a bare number may be whole.
      let bytes = Array(JSONValue.array([.random(depth: 4, using: &random)]).serialized().utf8)
      for length in 0..<bytes.count {
        #expect(throws: JSONParseError.self) { try JSONValue(parsing: bytes[..<length]) }
      }
    }
  }

  /// Whatever the bytes, the reader returns; and what it accepts, it can write and read again.
  @Test func mutatedDocumentsNeverTrap() throws {
    var random = SeededGenerator(seed: 4)
    let interesting = Array("{}[]\",:\\u09eE+-.tfn \u{0}".utf8) + [0x80, 0xC3, 0xED, 0xF4, 0xFF]
    var accepted = 0
    for _ in 0..<20_000 {
      var bytes = Array(JSONValue.random(depth: 4, using: &random).serialized().utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        let byte = interesting.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = byte
        case 1: bytes.insert(byte, at: place)
        case 2: bytes.remove(at: place)
        default: bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
      }
      guard let value = try? JSONValue(parsing: bytes) else { continue }
      accepted += 1
      #expect(try JSONValue(parsing: value.serialized()) == value)
    }
    #expect(accepted > 1000)
  }

  @Test func randomBytesNeverTrap() {
    var random = SeededGenerator(seed: 5)
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...40, using: &random)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      _ = try? JSONValue(parsing: bytes)
      _ = try? JSONValue(parsing: [UInt8(ascii: "\"")] + bytes)
      _ = try? JSONValue(parsing: [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "u")] + bytes)
    }
  }
}

extension JSONValue {
  fileprivate static func random(depth: Int, using random: inout SeededGenerator) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .integer(Int64(truncatingIfNeeded: random.next()) >> Int64.random(in: 0..<64, using: &random))
    case 3: return .number(Double(Int.random(in: -1000...1000, using: &random)) / 8)
    case 4, 5: return .string(text(using: &random))
    case 6:
      return .array(
        (0..<Int.random(in: 0...5, using: &random)).map { _ in Self.random(depth: depth - 1, using: &random) })
    default:
      var object = JSONObject()
      for _ in 0..<Int.random(in: 0...20, using: &random) {
        object[text(using: &random)] = Self.random(depth: depth - 2, using: &random)
      }
      return .object(object)
    }
  }

  private static func text(using random: inout SeededGenerator) -> String {
    let ranges: [ClosedRange<UInt32>] = [
      0...0x1F, 0x20...0x7E, 0x20...0x7E, 0x22...0x22, 0x5C...0x5C, 0xA0...0x7FF, 0x4E00...0x9FFF, 0x1F600...0x1F640,
    ]
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...20, using: &random) {
      let range = ranges.randomElement(using: &random) ?? 0x20...0x7E
      if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { text.append(scalar) }
    }
    return String(text)
  }
}
