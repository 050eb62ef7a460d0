import AtelierCore
import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Holds a data folder for one server. The kernel releases it when the process ends, however it ends, and tells the
/// command line which process holds it (`ServerProcess`).
///
/// A record lock goes when the process closes any descriptor of the file, so nothing else here may open it.
final class ServerLock: Sendable {
  private let descriptor: Int32

  struct Taken: Error, CustomStringConvertible {
    let description: String
  }

  init(_ directory: DataDirectory) throws {
    descriptor = open(directory.lock.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Taken(description: "Cannot open \(directory.lock.path).") }
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    guard fcntl(descriptor, F_SETLK, &lock) == 0 else {
      close(descriptor)
      throw Taken(
        description:
          "Another server uses the data folder \(directory.root.path). Stop it, or set ATELIER_HOME to another folder."
      )
    }
  }

  deinit { close(descriptor) }
}
