import Synchronization

/// Open connections by the address they come from. Those from this machine are not counted: they share one address.
final class AddressCount: Sendable {
  private let limit: Int
  private let open = Mutex<[String: Int]>([:])

  init(limit: Int) { self.limit = limit }

  /// False when the address has as many as it may have. Every call, whatever its answer, needs its `leave`.
  func enter(_ address: String) -> Bool {
    guard !HostPolicy.isLoopback(Self.plain(address)) else { return true }
    return open.withLock { open in
      open[address, default: 0] += 1
      return open[address, default: 0] <= limit
    }
  }

  func leave(_ address: String) {
    open.withLock { open in
      guard let count = open[address] else { return }
      open[address] = count > 1 ? count - 1 : nil
    }
  }

  /// IPv4 addresses on a socket for both families are written as IPv6 ones.
  private static func plain(_ address: String) -> String {
    let mapped = "::ffff:"
    return address.lowercased().hasPrefix(mapped) ? String(address.dropFirst(mapped.count)) : address
  }
}
