import Foundation

/// Enough of a file's or folder's status to see that it changed. Symbolic links are followed.
package struct FileStamp: Sendable, Hashable {
  package var size: Int64
  /// Nanoseconds since 1970.
  package var modified: Int64
  package var isFolder: Bool
  /// Tells two names of one file.
  package var identity: Identity

  package struct Identity: Sendable, Hashable {
    package var device: UInt64
    package var inode: UInt64
  }

  /// nil where there is no such file, or it cannot be looked at.
  package init?(path: String) {
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
    identity = Identity(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino))
  }

  /// File systems keep times in ticks of some milliseconds, network ones up to seconds.
  private static let tick: Int64 = 2_000_000_000

  /// Nothing changed so recently that a further change might keep its time. Missing files count as settled.
  package static func areSettled(_ stamps: some Sequence<FileStamp?>, now: Date) -> Bool {
    let now = Int64(now.timeIntervalSince1970 * 1e9)
    return stamps.allSatisfy { stamp in stamp.map { abs($0.modified - now) > tick } ?? true }
  }
}
