import Foundation

/// Enough of a file's or folder's status to see that it changed. Symbolic links are followed.
struct FileStamp: Sendable, Hashable {
  var size: Int64
  /// Nanoseconds since 1970.
  var modified: Int64
  var isFolder: Bool

  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    size = Int64(status.st_size)
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    modified = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    isFolder = status.st_mode & S_IFMT == S_IFDIR
  }
}
