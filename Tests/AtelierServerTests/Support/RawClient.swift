import Dispatch
import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// A plain TCP client, to send what well-behaved clients never do. Reads block a thread of their own, at most 10 s.
final class RawClient: Sendable {
  struct Failure: Error { let code: Int32 }

  private let descriptor: Int32

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw Failure(code: errno) }
  }

  func send(_ text: String) throws {
    let bytes = Array(text.utf8)
    guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw Failure(code: errno)
    }
  }

  /// What arrives next; empty at the end.
  func read() async throws -> String {
    let descriptor = self.descriptor
    let bytes: [UInt8] = try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var count = recv(descriptor, &bytes, bytes.count, 0)
        while count < 0, errno == EINTR { count = recv(descriptor, &bytes, bytes.count, 0) }
        if count < 0, errno != ECONNRESET {
          continuation.resume(throwing: Failure(code: errno))
        } else {
          continuation.resume(returning: Array(bytes.prefix(max(0, count))))
        }
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  func readToEnd() async throws -> String {
    var text = ""
    while true {
      let piece = try await read()
      if piece.isEmpty { return text }
      text += piece
    }
  }

  /// Reads to the end with a pause after every read, and returns the number of bytes. On a thread of its own: other tests may
  /// keep the shared ones busy for longer than a server waits.
  func count(pause: UInt32) async -> Int {
    let descriptor = self.descriptor
    return await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var total = 0
        while true {
          let count = recv(descriptor, &bytes, bytes.count, 0)
          if count < 0, errno == EINTR { continue }
          if count <= 0 { return continuation.resume(returning: total) }
          total += count
          // A slow reader is what is asked for.
          usleep(pause)
        }
      }
    }
  }

  func close() { Glibc.close(descriptor) }
}
