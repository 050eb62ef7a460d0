import Foundation

/// The system calls by which downloads and their journal change the disk: the seam at which tests make each of them fail.
/// Results and `errno` are those of the calls.
package struct FileCalls: Sendable {
  package enum Call: String, Sendable, Hashable, CaseIterable {
    case makeFolder, open, write, truncate, sync, link, rename
  }

  /// Asked before each call; other than 0 it is the `errno` that the call fails with instead of being made.
  private let fault: @Sendable (Call) -> Int32

  package static let system = FileCalls { _ in 0 }

  package init(fault: @escaping @Sendable (Call) -> Int32) { self.fault = fault }

  private func fails(_ call: Call) -> Bool {
    let code = fault(call)
    guard code != 0 else { return false }
    errno = code
    return true
  }

  /// With the folders above it.
  func makeFolder(_ path: String) throws {
    if fails(.makeFolder) { throw CocoaError(errno == ENOSPC ? .fileWriteOutOfSpace : .fileWriteUnknown) }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
    fails(.open) ? -1 : Foundation.open(path, flags, mode)
  }

  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) -> Int {
    fails(.write) ? -1 : pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
  }

  func truncate(_ descriptor: Int32, to size: Int64) -> Int32 {
    fails(.truncate) ? -1 : ftruncate(descriptor, off_t(size))
  }

  func sync(_ descriptor: Int32) -> Int32 { fails(.sync) ? -1 : fsync(descriptor) }

  func link(_ path: String, _ name: String) -> Int32 { fails(.link) ? -1 : Foundation.link(path, name) }

  func rename(_ path: String, _ name: String) -> Int32 { fails(.rename) ? -1 : Foundation.rename(path, name) }

  /// Makes the names in a folder durable. What cannot be synced is not undone, so nothing is reported.
  func syncFolder(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return }
    _ = sync(descriptor)
    close(descriptor)
  }
}
