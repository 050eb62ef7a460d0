import AtelierCore
import Foundation

/// The process that serves a data folder on this machine, as the lock on it tells.
struct ServerProcess: Sendable, Hashable {
  let id: pid_t

  /// nil when no server uses the folder. Only asks after the lock, so it never keeps a server from starting.
  static func running(in directory: DataDirectory) -> ServerProcess? {
    let descriptor = open(directory.lock.path(percentEncoded: false), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    guard fcntl(descriptor, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
    return ServerProcess(id: lock.l_pid)
  }

  /// How long a server may take to stop. Its answers have 25 s unless `limits.drain_seconds` says otherwise.
  private static let patience = Duration.seconds(90)

  /// Asks it to end, and waits until the folder is free. `atOnce` ends running answers too. Throws when it may not be
  /// asked, or still runs after the time.
  func stop(in directory: DataDirectory, atOnce: Bool) async throws {
    // Of a process in another container the number is not known.
    guard id > 0 else { throw CommandFailure("The server runs where it cannot be reached from here.") }
    let deadline = ContinuousClock.now + Self.patience
    var signals = atOnce ? 2 : 1
    while Self.running(in: directory) == self {
      if signals > 0 {
        signals -= 1
        guard kill(id, SIGTERM) == 0 || errno == ESRCH else {
          throw CommandFailure("The server (process \(id)) belongs to somebody else.")
        }
      }
      guard ContinuousClock.now < deadline else {
        throw CommandFailure("The server still finishes its answers; 'server stop --force' ends them.")
      }
      try await Task.sleep(for: .milliseconds(signals > 0 ? 300 : 50))
    }
  }
}
