import NIOCore

/// Counts the requests among bytes that wait, by the empty lines that end heads. What is in bodies may add to it, never
/// take from it.
struct HeldRequests: Sendable, Hashable {
  private(set) var count = 0
  private var counted = 0
  private var matched = 0

  var isEnough: Bool { count >= ConnectionGuard.mostHeld }

  /// Looks at what was added to `buffer`, of which nothing may have been taken, since the last call.
  mutating func count(_ buffer: ByteBuffer) {
    buffer.withUnsafeReadableBytes { bytes in
      while counted < bytes.count, !isEnough {
        let byte = bytes[counted]
        counted += 1
        let wanted: UInt8 = matched % 2 == 0 ? 0x0D : 0x0A
        matched = byte == wanted ? matched + 1 : byte == 0x0D ? 1 : 0
        if matched == 4 {
          count += 1
          matched = 0
        }
      }
    }
  }
}
