import Foundation

/// What is left on a disk.
package enum DiskSpace {
  /// Bytes that an unprivileged process may still write on the file system of the folder, or of its nearest parent that
  /// exists; nil when it cannot be asked.
  package static func free(at folder: URL) -> Int64? {
    var url = folder
    var status = statvfs()
    for _ in 0..<64 {
      if statvfs(url.path(percentEncoded: false), &status) == 0 {
        return Int64(
          clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
      }
      let parent = url.deletingLastPathComponent()
      guard parent != url else { return nil }
      url = parent
    }
    return nil
  }
}
