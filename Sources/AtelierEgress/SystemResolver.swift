import Dispatch
import Foundation

/// The system's resolver, off the shared pool because it blocks.
package struct SystemResolver: HostResolver {
  /// Past this many a resolver's answer is cut.
  private static let most = 16
  private static let queue = DispatchQueue(label: "atelier.resolver", attributes: .concurrent)

  package init() {}

  package func addresses(of host: String) async -> [IPAddress] {
    await withCheckedContinuation { continuation in
      Self.queue.async { continuation.resume(returning: Self.look(host)) }
    }
  }

  private static func look(_ host: String) -> [IPAddress] {
    var hints = addrinfo()
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: [IPAddress] = []
    var next = list
    while let entry = next, found.count < most {
      if let address = address(entry.pointee), !found.contains(address) { found.append(address) }
      next = entry.pointee.ai_next
    }
    return found
  }

  private static func address(_ entry: addrinfo) -> IPAddress? {
    switch entry.ai_family {
    case AF_INET:
      entry.ai_addr?.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        withUnsafeBytes(of: $0.pointee.sin_addr) { IPAddress(bytes: Array($0)) }
      }
    case AF_INET6:
      entry.ai_addr?.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
        withUnsafeBytes(of: $0.pointee.sin6_addr) { IPAddress(bytes: Array($0)) }
      }
    default: nil
    }
  }
}
