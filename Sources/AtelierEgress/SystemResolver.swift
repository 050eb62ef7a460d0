import Foundation
import Synchronization

/// The system's resolver, on threads of its own because it blocks, for as long as the system likes: whoever stops waiting
/// leaves its thread behind until then, so there are no more than a few of them. Not on a queue: its threads would be taken
/// from those that everything else runs on.
package final class SystemResolver: HostResolver {
  /// Look-ups under way; past this a host has no address.
  static let mostAtOnce = 16
  /// Past this many a resolver's answer is cut.
  private static let most = 16

  private let look: @Sendable (String) -> [IPAddress]
  private let running = Mutex(0)

  package convenience init() { self.init { Self.ask($0) } }

  /// `look` blocks.
  init(_ look: @escaping @Sendable (String) -> [IPAddress]) { self.look = look }

  var underWay: Int { running.withLock { $0 } }

  package func addresses(of host: String) async -> [IPAddress] {
    let isAdmitted = running.withLock { count in
      guard count < Self.mostAtOnce else { return false }
      count += 1
      return true
    }
    guard isAdmitted else { return [] }
    let answer = LookupAnswer()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        answer.wait(continuation)
        Thread.detachNewThread { [self] in
          let found = look(host)
          running.withLock { $0 -= 1 }
          answer.give(found)
        }
      }
    } onCancel: {
      answer.give([])
    }
  }

  private static func ask(_ host: String) -> [IPAddress] {
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
