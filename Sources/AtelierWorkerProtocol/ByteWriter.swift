/// Builds the bytes of a frame: see `WorkerProtocol` for the forms.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  init(type: UInt8, capacity: Int = 64) {
    bytes.reserveCapacity(capacity)
    bytes.append(type)
  }

  mutating func write(byte: UInt8) { bytes.append(byte) }

  mutating func write(unsigned value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func write(signed value: Int64) {
    write(unsigned: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  mutating func write(count: Int) { write(unsigned: UInt64(count)) }

  mutating func write(_ value: Double) { write(fixed: value.bitPattern) }
  mutating func write(_ value: Float) { write(fixed: value.bitPattern) }

  mutating func write(fixed value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func write(_ text: String) { write(blob: text.utf8) }

  /// Length-prefixed bytes.
  mutating func write(blob: some Collection<UInt8>) {
    write(count: blob.count)
    bytes.append(contentsOf: blob)
  }

  /// Bytes up to the end of the frame.
  mutating func write(tail: some Collection<UInt8>) { bytes.append(contentsOf: tail) }

  /// A presence byte, then the value.
  mutating func write<Value>(optional value: Value?, _ body: (inout ByteWriter, Value) -> Void) {
    guard let value else { return write(byte: 0) }
    write(byte: 1)
    body(&self, value)
  }
}
