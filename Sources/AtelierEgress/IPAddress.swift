import Foundation

/// An IPv4 or IPv6 address.
package struct IPAddress: Sendable, Hashable {
  /// In network order: 4 or 16.
  package let bytes: [UInt8]

  /// Takes exactly 4 or 16 bytes.
  package init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = bytes
  }

  /// Dotted decimal or IPv6 text (with or without brackets). Shortened and octal forms are names, not addresses; what a
  /// resolver makes of them is checked after it did.
  package init?(_ text: String) {
    var text = text
    if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
    var four = in_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      bytes = withUnsafeBytes(of: &four) { Array($0) }
      return
    }
    var six = in6_addr()
    guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
    bytes = withUnsafeBytes(of: &six) { Array($0) }
  }

  package var isIPv4: Bool { bytes.count == 4 }

  package var isLoopback: Bool {
    isIPv4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1] || mapped?.isLoopback == true
  }

  /// Reachable on the public internet and nowhere else (IANA's special-purpose registries). Forms that carry an IPv4
  /// address inside an IPv6 one (mapped, 6to4, NAT64, Teredo) are never public: they could carry any.
  package var isPublic: Bool {
    if isIPv4 { return !Self.special4.contains { $0.contains(self) } }
    return Self.global6.contains(self) && !Self.special6.contains { $0.contains(self) }
  }

  /// The IPv4 address of `::ffff:a.b.c.d`.
  private var mapped: IPAddress? {
    guard bytes.count == 16, bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF else {
      return nil
    }
    return IPAddress(bytes: Array(bytes[12...]))
  }

  private struct Block: Sendable {
    var prefix: [UInt8]
    var bits: Int

    init(_ bits: Int, _ prefix: UInt8...) {
      self.prefix = prefix
      self.bits = bits
    }

    func contains(_ address: IPAddress) -> Bool {
      for bit in 0..<bits {
        let place = bit / 8
        let mask = UInt8(0x80) >> UInt8(bit % 8)
        let wanted = place < prefix.count ? prefix[place] : 0
        if address.bytes[place] & mask != wanted & mask { return false }
      }
      return true
    }
  }

  private static let special4 = [
    Block(8, 0), Block(8, 10), Block(10, 100, 64), Block(8, 127), Block(16, 169, 254), Block(12, 172, 16),
    Block(24, 192, 0, 0), Block(24, 192, 0, 2), Block(24, 192, 31, 196), Block(24, 192, 52, 193),
    Block(24, 192, 88, 99), Block(16, 192, 168), Block(24, 192, 175, 48), Block(15, 198, 18), Block(24, 198, 51, 100),
    Block(24, 203, 0, 113), Block(4, 224), Block(4, 240),
  ]
  /// 2000::/3; everything outside it is loopback, unspecified, mapped, NAT64, unique-local, link-local, multicast or
  /// not assigned.
  private static let global6 = Block(3, 0x20)
  /// IETF protocols with Teredo; documentation; 6to4; documentation.
  private static let special6 = [
    Block(23, 0x20, 0x01, 0x00), Block(32, 0x20, 0x01, 0x0D, 0xB8), Block(16, 0x20, 0x02), Block(20, 0x3F, 0xFF, 0x00),
  ]
}

extension IPAddress: CustomStringConvertible {
  package var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(isIPv4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
