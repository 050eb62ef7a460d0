/// A set of Unicode scalars as ranges, for character classes.
struct ScalarSet {
  private(set) var ranges: [ClosedRange<UInt32>] = []

  private static let last: UInt32 = 0x10FFFF
  static let digits = ScalarSet([0x30...0x39])
  static let word = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  static let space = ScalarSet([0x09...0x0A, 0x0D...0x0D, 0x20...0x20])
  /// Complements of `\d`, `\w`, `\s` stay within this: what counts as a word beyond it differs between dialects.
  static let printableASCII = ScalarSet([0x20...0x7E])
  /// `.`: anything but line terminators.
  static let dot = ScalarSet([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029]).inverted
  /// What may stand in a JSON string as itself; DEL is left out because it is invisible.
  private static let plain = ScalarSet([0x00...0x1F, 0x22...0x22, 0x5C...0x5C, 0x7F...0x7F, 0xD800...0xDFFF]).inverted

  init(_ ranges: [ClosedRange<UInt32>] = []) {
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let previous = self.ranges.last, range.lowerBound <= previous.upperBound + 1 {
        self.ranges[self.ranges.count - 1] = previous.lowerBound...max(previous.upperBound, range.upperBound)
      } else {
        self.ranges.append(range)
      }
    }
  }

  func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

  var inverted: ScalarSet {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= Self.last { result.append(next...Self.last) }
    return ScalarSet(result)
  }

  func intersection(_ other: ScalarSet) -> ScalarSet { inverted.union(other.inverted).inverted }

  func contains(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } }

  /// GBNF for one of these scalars inside a JSON string, escaped there if it has to be; nil when there is none.
  var jsonExpression: String? {
    var alternatives: [String] = []
    let plain = intersection(Self.plain)
    if !plain.ranges.isEmpty {
      let members = plain.ranges.map { range in
        let low = GrammarRules.classMember(range.lowerBound)
        return range.count == 1 ? low : low + "-" + GrammarRules.classMember(range.upperBound)
      }
      alternatives.append("[" + members.joined() + "]")
    }
    for (value, escape) in [(0x22, #"\""#), (0x5C, #"\\"#), (0x0A, #"\n"#), (0x0D, #"\r"#), (0x09, #"\t"#)]
    where contains(UInt32(value)) {
      alternatives.append(GrammarRules.literal(escape))
    }
    switch alternatives.count {
    case 0: return nil
    case 1: return alternatives[0]
    default: return "(" + alternatives.joined(separator: " | ") + ")"
    }
  }
}
