import Glibc

/// Two connected ends of a private stream, closed on exec.
package enum SocketPair {
  /// The caller owns both descriptors.
  package static func make() throws(FrameError) -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw .system(errno) }
    return (ends[0], ends[1])
  }
}
