/// Looks for several strings in a text that comes in pieces, byte by byte (Knuth–Morris–Pratt, one state per pattern).
/// Comparison is of UTF-8 bytes: no Unicode normalisation. Because patterns begin with whole scalars, a piece that ends at
/// a scalar boundary is cut only at scalar boundaries.
struct PatternScanner: Sendable {
  /// What one piece led to.
  struct Output: Sendable {
    /// Text that can no longer be part of a match and comes before it.
    var text: String
    /// Index of the pattern found. Scanning ends there.
    var match: Int?
    /// What follows the match in the piece.
    var rest: String
  }

  private struct Pattern: Sendable {
    let bytes: [UInt8]
    /// At i: the length of the longest proper prefix of `bytes` that is a suffix of its first i + 1 bytes.
    let failure: [Int]
    /// Bytes of the pattern that the text ends with.
    var matched = 0

    init(_ text: String) {
      bytes = Array(text.utf8)
      var failure = [Int](repeating: 0, count: bytes.count)
      var length = 0
      for place in bytes.indices.dropFirst() {
        while length > 0, bytes[place] != bytes[length] { length = failure[length - 1] }
        if bytes[place] == bytes[length] { length += 1 }
        failure[place] = length
      }
      self.failure = failure
    }

    /// True when the pattern is complete.
    mutating func advance(_ byte: UInt8) -> Bool {
      while matched > 0, bytes[matched] != byte { matched = failure[matched - 1] }
      if bytes[matched] == byte { matched += 1 }
      return matched == bytes.count
    }
  }

  private var patterns: [Pattern]
  /// The end of the text, as long as it could become a match.
  private var held: [UInt8] = []

  /// Empty patterns are not allowed.
  init(_ patterns: [String]) { self.patterns = patterns.map(Pattern.init) }

  /// The pattern that is complete first wins; of several that end at one byte, the longest. Not to be called after a match.
  mutating func feed(_ piece: String) -> Output {
    if patterns.isEmpty { return Output(text: piece, match: nil, rest: "") }
    var piece = piece
    return piece.withUTF8 { bytes in
      for (offset, byte) in bytes.enumerated() {
        var found: Int?
        for index in patterns.indices where patterns[index].advance(byte) {
          if let other = found, patterns[other].bytes.count >= patterns[index].bytes.count { continue }
          found = index
        }
        if let found {
          held.append(contentsOf: bytes[...offset])
          let text = held.dropLast(patterns[found].bytes.count)
          held = []
          return Output(
            text: String(decoding: text, as: UTF8.self), match: found,
            rest: String(decoding: bytes[(offset + 1)...], as: UTF8.self))
        }
      }
      held.append(contentsOf: bytes)
      let kept = patterns.reduce(0) { max($0, $1.matched) }
      let text = String(decoding: held.dropLast(kept), as: UTF8.self)
      held.removeFirst(held.count - kept)
      return Output(text: text, match: nil, rest: "")
    }
  }

  /// The text has ended: what was held back.
  mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }
}
