/// Decoding of a JSON string's escapes.
enum JSONEscapes {
  @inline(__always)
  static func hexadecimal(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte &- UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte &- UInt8(ascii: "a") &+ 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte &- UInt8(ascii: "A") &+ 10)
    default: nil
    }
  }

  /// Writes the text of a string literal's checked inside, which is never longer than `source`; gives the bytes written.
  static func decode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
    guard let base = source.baseAddress else { return 0 }
    var output = Output(target)
    var place = 0
    while place < source.count {
      let run = JSONScan.plainRun(base, from: place, count: source.count).end
      output.append(UnsafeRawBufferPointer(rebasing: source[place..<run]))
      place = run
      guard place + 1 < source.count else { break }
      let kind = source[place + 1]
      place += 2
      switch kind {
      case UInt8(ascii: "b"): output.append(0x08)
      case UInt8(ascii: "f"): output.append(0x0C)
      case UInt8(ascii: "n"): output.append(0x0A)
      case UInt8(ascii: "r"): output.append(0x0D)
      case UInt8(ascii: "t"): output.append(0x09)
      case UInt8(ascii: "u"):
        let first = codeUnit(source, at: place)
        place += 4
        if (0xD800..<0xDC00).contains(first), place + 6 <= source.count, source[place] == UInt8(ascii: "\\"),
          source[place + 1] == UInt8(ascii: "u")
        {
          let second = codeUnit(source, at: place + 2)
          if (0xDC00..<0xE000).contains(second) {
            place += 6
            output.append(Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)))
            continue
          }
        }
        output.append(Unicode.Scalar(first))
      default: output.append(kind)
      }
    }
    return output.count
  }

  private static func codeUnit(_ source: UnsafeRawBufferPointer, at place: Int) -> UInt32 {
    var unit: UInt32 = 0
    for index in place..<min(place + 4, source.count) { unit = unit << 4 | (hexadecimal(source[index]) ?? 0) }
    return unit
  }

  private struct Output {
    private let target: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ target: UnsafeMutableBufferPointer<UInt8>) { self.target = target }

    mutating func append(_ byte: UInt8) {
      target[count] = byte
      count += 1
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
      UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(target)[count...]).copyMemory(from: bytes)
      count += bytes.count
    }

    /// nil stands for half of a surrogate pair.
    mutating func append(_ scalar: Unicode.Scalar?) {
      guard let units = UTF8.encode(scalar ?? "\u{FFFD}") else { return }
      for unit in units { append(unit) }
    }
  }
}
