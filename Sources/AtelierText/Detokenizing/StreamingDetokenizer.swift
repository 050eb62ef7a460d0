/// Turns the bytes of token pieces into text. A token may end inside a character: what is incomplete waits for the next
/// piece, so every returned string holds whole scalars. Bytes that are no UTF-8 become U+FFFD, the same ones for any
/// chunking. Grapheme clusters may be split.
package struct StreamingDetokenizer: Sendable {
  /// The start of a scalar, at most 3 bytes.
  private var incomplete: [UInt8] = []

  package init() {}

  /// Feeds a piece; returns the text that is complete now.
  package mutating func feed(_ bytes: [UInt8]) -> String {
    let all = incomplete.isEmpty ? bytes : incomplete + bytes
    let complete = all.count - Self.incompleteSuffixLength(of: all)
    incomplete = Array(all[complete...])
    return String(decoding: all[..<complete], as: UTF8.self)
  }

  /// No more bytes follow: an incomplete scalar becomes U+FFFD.
  package mutating func finish() -> String {
    defer { incomplete = [] }
    return String(decoding: incomplete, as: UTF8.self)
  }

  /// Bytes at the end that more bytes could turn into a scalar: 0…3. Well-formed sequences are those of table 3-7 of the
  /// Unicode standard.
  private static func incompleteSuffixLength(of bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let lead = bytes[bytes.count - length]
      if lead & 0xC0 == 0x80 { continue }
      let needed =
        switch lead {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
      guard length < needed else { return 0 }
      guard length > 1 else { return length }
      let second = bytes[bytes.count - length + 1]
      let allowed: ClosedRange<UInt8> =
        switch lead {
        case 0xE0: 0xA0...0xBF
        case 0xED: 0x80...0x9F
        case 0xF0: 0x90...0xBF
        case 0xF4: 0x80...0x8F
        default: 0x80...0xBF
        }
      return allowed.contains(second) ? length : 0
    }
    return 0
  }
}
