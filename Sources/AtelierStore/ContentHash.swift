import Foundation

/// FNV-1a over eight bytes at a time: finds candidates for "the same bytes"; whoever uses it compares the bytes too, so a
/// collision, also a made one, costs a comparison and nothing else.
enum ContentHash {
  static func of(_ data: Data) -> Int64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(data.count)
    data.withUnsafeBytes { bytes in
      var offset = 0
      while offset + 8 <= bytes.count {
        hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x100_0000_01b3
        hash ^= hash >> 32
        offset += 8
      }
      while offset < bytes.count {
        hash = (hash ^ UInt64(bytes[offset])) &* 0x100_0000_01b3
        offset += 1
      }
    }
    return Int64(bitPattern: hash)
  }
}
