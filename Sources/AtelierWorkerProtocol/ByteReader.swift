/// Takes a frame apart. Never reads past the end, and never reserves more than the bytes that are there can fill.
struct ByteReader {
  /// Elements of one list at most: in memory an element can be many times its bytes on the wire.
  private static let maxElements = 1 << 16

  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var remaining: Int { bytes.count - offset }

  mutating func byte() throws(FrameError) -> UInt8 {
    guard offset < bytes.count else { throw .malformed("the frame ends early") }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func unsigned() throws(FrameError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = try byte()
      let bits = UInt64(next & 0x7F)
      guard shift < 63 || (shift == 63 && bits <= 1) else { throw .malformed("an integer exceeds 64 bits") }
      value |= bits << shift
      if next < 0x80 { return value }
      shift += 7
    }
  }

  mutating func signed() throws(FrameError) -> Int64 {
    let value = try unsigned()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// A non-negative number that fits `Int`.
  mutating func natural() throws(FrameError) -> Int {
    guard let value = Int(exactly: try unsigned()) else { throw .malformed("a number is out of range") }
    return value
  }

  /// The number of elements that follow, each at least `elementBytes` long.
  mutating func count(elementBytes: Int = 1) throws(FrameError) -> Int {
    let value = try unsigned()
    guard value <= UInt64(remaining / elementBytes) else { throw .malformed("a count exceeds the frame") }
    return Int(value)
  }

  mutating func int32() throws(FrameError) -> Int32 {
    guard let value = Int32(exactly: try signed()) else { throw .malformed("a number is out of range") }
    return value
  }

  /// A number of tokens or requests, written signed: small enough that sums of some cannot overflow.
  mutating func amount() throws(FrameError) -> Int {
    let value = try signed()
    guard (0...Int64(Int32.max)).contains(value) else { throw .malformed("a number is out of range") }
    return Int(value)
  }

  mutating func double() throws(FrameError) -> Double { Double(bitPattern: try fixed()) }
  mutating func float() throws(FrameError) -> Float { Float(bitPattern: try fixed()) }

  mutating func fixed<Value: FixedWidthInteger>() throws(FrameError) -> Value {
    let size = MemoryLayout<Value>.size
    let slice = try take(size)
    return Value(littleEndian: slice.withUnsafeBytes { $0.loadUnaligned(as: Value.self) })
  }

  mutating func string() throws(FrameError) -> String {
    guard let text = String(validating: try blob(), as: UTF8.self) else { throw .malformed("text is not UTF-8") }
    return text
  }

  mutating func blob() throws(FrameError) -> ArraySlice<UInt8> { try take(try count()) }

  /// Everything up to the end of the frame.
  mutating func tail() throws(FrameError) -> ArraySlice<UInt8> { try take(remaining) }

  mutating func optional<Value>(
    _ body: (inout ByteReader) throws(FrameError) -> Value
  ) throws(FrameError) -> Value? {
    switch try byte() {
    case 0: return nil
    case 1: return try body(&self)
    default: throw .malformed("a presence byte is neither 0 nor 1")
    }
  }

  mutating func array<Element>(
    elementBytes: Int = 1, _ body: (inout ByteReader) throws(FrameError) -> Element
  ) throws(FrameError) -> [Element] {
    let total = try count(elementBytes: elementBytes)
    guard total <= Self.maxElements else { throw .malformed("a list is too long") }
    var result: [Element] = []
    for _ in 0..<total { result.append(try body(&self)) }
    return result
  }

  func expectEnd() throws(FrameError) {
    guard remaining == 0 else { throw .malformed("the frame goes on after its value") }
  }

  private mutating func take(_ size: Int) throws(FrameError) -> ArraySlice<UInt8> {
    guard size <= remaining else { throw .malformed("the frame ends early") }
    defer { offset += size }
    return bytes[offset..<offset + size]
  }
}
