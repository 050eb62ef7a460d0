/// Walks a header front to back through a window, so that memory does not depend on what the file claims.
struct GGUFCursor {
  enum Source {
    case file(RandomAccessFile)
    /// The first bytes of a file of `size` bytes; what lies behind them reads as missing.
    case bytes([UInt8], size: UInt64)
  }

  private static let windowSize = 256 << 10

  let size: UInt64
  private let source: Source
  private var window: [UInt8] = []
  private var windowStart: UInt64 = 0
  /// Of the next byte, from the start of the file.
  private(set) var offset: UInt64 = 0
  private var budget: Int

  init(_ source: Source, bytesRead: Int) {
    self.source = source
    budget = bytesRead
    switch source {
    case .file(let file): size = file.size
    case .bytes(_, let declared): size = declared
    }
  }

  mutating func integer<Value: FixedWidthInteger>(_: Value.Type) throws(GGUFError) -> Value {
    let width = MemoryLayout<Value>.size
    let place = try need(width)
    let raw = window.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: Value.self) }
    offset += UInt64(width)
    return Value(littleEndian: raw)
  }

  /// Ill-formed UTF-8 is repaired.
  mutating func text(length: Int) throws(GGUFError) -> String {
    let place = try need(length)
    offset += UInt64(length)
    return window.withUnsafeBytes {
      String(decoding: UnsafeRawBufferPointer(rebasing: $0[place..<place + length]), as: UTF8.self)
    }
  }

  mutating func skip(_ count: UInt64) throws(GGUFError) {
    guard count <= size - offset else { throw .truncated }
    offset += count
  }

  /// Steps over `count` strings.
  mutating func skipStrings(_ count: UInt64) throws(GGUFError) {
    for _ in 0..<count { try skip(try integer(UInt64.self)) }
  }

  /// Makes the window hold the next `count` bytes and gives their place in it.
  @inline(__always)
  private mutating func need(_ count: Int) throws(GGUFError) -> Int {
    if offset >= windowStart, offset + UInt64(count) <= windowStart + UInt64(window.count) {
      return Int(offset - windowStart)
    }
    try load(count)
    return 0
  }

  private mutating func load(_ count: Int) throws(GGUFError) {
    guard UInt64(count) <= size - offset else { throw .truncated }
    let wanted = Int(min(UInt64(max(count, Self.windowSize)), size - offset))
    budget -= wanted
    if budget < 0 { throw .limitExceeded(.bytesRead) }
    switch source {
    case .file(let file): window = try file.read(at: offset, count: wanted)
    case .bytes(let bytes, _):
      let start = Int(min(offset, UInt64(bytes.count)))
      window = Array(bytes[start..<min(start + wanted, bytes.count)])
    }
    windowStart = offset
    if window.count < count { throw .truncated }
  }
}
