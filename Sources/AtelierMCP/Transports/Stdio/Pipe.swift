import Glibc

/// A stream between us and a process: a socket pair, as other clients' runtimes use for the standard streams of a child, so
/// that a write to a process that is gone is an error and no signal.
struct Pipe: Sendable {
  let ours: Int32
  let theirs: Int32

  /// nil when there are no descriptors left. The caller owns both ends.
  init?() {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
    // Below 3 it would be in the way of the descriptors the child is given.
    ours = Self.lifted(ends[0])
    theirs = Self.lifted(ends[1])
  }

  private static func lifted(_ descriptor: Int32) -> Int32 {
    guard descriptor < 3 else { return descriptor }
    let higher = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    close(descriptor)
    return higher
  }

  func closeBoth() {
    close(ours)
    close(theirs)
  }
}
