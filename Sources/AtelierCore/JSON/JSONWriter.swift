/// Writes compact JSON into a byte buffer. Escapes only what RFC 8259 requires: `"`, `\` and control characters.
package enum JSONWriter {
  package static func append(_ value: JSONValue, to bytes: inout [UInt8]) {
    switch value {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): appendInteger(value, to: &bytes)
    case .number(let value): appendNumber(value, to: &bytes)
    case .string(let value): appendString(value, to: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (place, element) in elements.enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        append(element, to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let object):
      bytes.append(UInt8(ascii: "{"))
      for place in 0..<object.count {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        appendString(object.keys[place], to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        append(object.values[place], to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  /// The string with its quotes.
  package static func appendString(_ text: String, to bytes: inout [UInt8]) {
    var text = text
    text.withUTF8 { appendString(utf8: UnsafeRawBufferPointer($0), to: &bytes) }
  }

  /// The same for text that is already well-formed UTF-8.
  package static func appendString(utf8 text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    appendEscaped(utf8: text, to: &bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  /// The inside of a string literal, for literals written in pieces.
  package static func appendEscaped(utf8 text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    guard let base = text.baseAddress else { return }
    var place = 0
    while true {
      let run = JSONScan.plainRun(base, from: place, count: text.count).end
      if run > place { bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[place..<run])) }
      guard run < text.count else { return }
      appendEscape(text[run], to: &bytes)
      place = run + 1
    }
  }

  package static func appendInteger(_ value: Int64, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: String(value).utf8)
  }

  /// The shortest text that reads back as the same value, always with a fraction or an exponent (`1.0`); `null` for NaN
  /// and the infinities, which JSON cannot say.
  package static func appendNumber(_ value: Double, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
  }

  private static func appendEscape(_ byte: UInt8, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    case 0..<0x20:
      let digits = "0123456789abcdef".utf8
      bytes.append(contentsOf: "u00".utf8)
      for digit in [byte >> 4, byte & 15] {
        bytes.append(digits[digits.index(digits.startIndex, offsetBy: Int(digit))])
      }
    default: bytes.append(byte)
    }
  }
}

extension JSONValue {
  /// Compact JSON text, members in their order.
  package func serialized() -> String {
    var bytes: [UInt8] = []
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  package func write(into bytes: inout [UInt8]) { JSONWriter.append(self, to: &bytes) }
}
