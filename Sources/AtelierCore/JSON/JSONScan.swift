/// Looks at eight bytes at a time for those that end a plain run inside a JSON string: `"`, `\` and control characters.
enum JSONScan {
  /// The place of the first such byte at or after `start`, or `count`; and whether a byte before it lies outside ASCII.
  @inline(__always)
  static func plainRun(_ base: UnsafeRawPointer, from start: Int, count: Int) -> (end: Int, isASCII: Bool) {
    var place = start
    var high: UInt64 = 0
    while count - place >= 8 {
      let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      let marks = (below32(word) | zeroBytes(word ^ quotes) | zeroBytes(word ^ backslashes)) & topBits
      if marks == 0 {
        high |= word & topBits
        place += 8
        continue
      }
      // A borrow can only mark bytes behind a true hit, so the lowest mark is right.
      let before = marks.trailingZeroBitCount & ~7
      high |= word & topBits & ((1 << UInt64(before)) &- 1)
      return (place + before / 8, high == 0)
    }
    while place < count {
      let byte = base.load(fromByteOffset: place, as: UInt8.self)
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
      high |= UInt64(byte & 0x80)
      place += 1
    }
    return (place, high == 0)
  }

  /// The place of the first byte that does not belong to well-formed UTF-8 (Unicode 16, table 3-7), or nil.
  static func invalidUTF8(_ base: UnsafeRawPointer, _ range: Range<Int>) -> Int? {
    var place = range.lowerBound
    while place < range.upperBound {
      let first = base.load(fromByteOffset: place, as: UInt8.self)
      if first < 0x80 {
        place += 1
        continue
      }
      let length: Int
      var second: ClosedRange<UInt8> = 0x80...0xBF
      switch first {
      case 0xC2...0xDF: length = 2
      case 0xE0: (length, second) = (3, 0xA0...0xBF)
      case 0xED: (length, second) = (3, 0x80...0x9F)
      case 0xE1...0xEF: length = 3
      case 0xF0: (length, second) = (4, 0x90...0xBF)
      case 0xF1...0xF3: length = 4
      case 0xF4: (length, second) = (4, 0x80...0x8F)
      default: return place
      }
      guard range.upperBound - place >= length,
        second.contains(base.load(fromByteOffset: place + 1, as: UInt8.self))
      else { return place }
      for following in 2..<max(length, 2)
      where base.load(fromByteOffset: place + following, as: UInt8.self) & 0xC0 != 0x80 {
        return place
      }
      place += length
    }
    return nil
  }

  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let topBits: UInt64 = 0x8080_8080_8080_8080
  private static let quotes: UInt64 = 0x2222_2222_2222_2222
  private static let backslashes: UInt64 = 0x5C5C_5C5C_5C5C_5C5C

  @inline(__always) private static func below32(_ word: UInt64) -> UInt64 { (word &- (ones &* 0x20)) & ~word }
  @inline(__always) private static func zeroBytes(_ word: UInt64) -> UInt64 { (word &- ones) & ~word }
}
