import Foundation

/// The file of a Unix socket that is to be listened on: the owner's alone, and gone afterwards.
struct SocketFile: Sendable {
  enum Problem: Error, Sendable {
    /// Something answers there.
    case inUse
    case unusable(String)
  }

  let path: String

  /// `sun_path` of the system's `sockaddr_un`, less its end.
  private static let longest = 107

  /// Removes what an ended server left. Throws when the path is too long, is something else, or has somebody listening.
  func prepare() throws(Problem) {
    guard !path.isEmpty, path.utf8.count <= Self.longest else {
      throw .unusable("the path of a socket has 1 to \(Self.longest) bytes")
    }
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw .unusable("there is a file that is no socket") }
    guard !isAnswered else { throw .inUse }
    guard unlink(path) == 0 || errno == ENOENT else {
      throw .unusable("the socket of an ended server cannot be removed")
    }
  }

  func remove() { unlink(path) }

  private var isAnswered: Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    #if canImport(Glibc)
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    #else
      let descriptor = socket(AF_UNIX, SOCK_STREAM, 0)
    #endif
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let answer = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
    }
    // A full queue is a server too.
    return answer == 0 || errno == EAGAIN || errno == EINPROGRESS
  }
}
