import Foundation

/// Small files with secrets in them: readable by the owner only, never half written.
package enum PrivateFile {
  /// What the system says of a file; two that differ mean that it may hold something else now.
  package struct Stamp: Sendable, Hashable {
    private let numbers: [Int64]

    init(_ status: stat) {
      numbers = [
        Int64(status.st_size), Int64(bitPattern: UInt64(status.st_ino)), Int64(status.st_mtim.tv_sec),
        Int64(status.st_mtim.tv_nsec), Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
      ]
    }

    /// nil when there is no such file.
    package init?(of url: URL) {
      var status = stat()
      guard stat(url.path(percentEncoded: false), &status) == 0 else { return nil }
      self.init(status)
    }
  }

  package enum Failure: Error, Sendable, Hashable {
    case missing
    case unreadable
    /// Somebody else than the owner may write it, so it proves nothing.
    case exposed
    case unwritable
  }

  private static let longest = 4 << 20

  package static func read(_ url: URL) throws(Failure) -> (bytes: [UInt8], stamp: Stamp) {
    let descriptor = open(url.path(percentEncoded: false), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw errno == ENOENT ? .missing : .unreadable }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= longest else {
      throw .unreadable
    }
    guard status.st_mode & 0o022 == 0 else { throw .exposed }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var count = 0
    while count < bytes.count {
      let part = bytes.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress! + count, $0.count - count) }
      if part < 0, errno == EINTR { continue }
      guard part > 0 else { throw .unreadable }
      count += part
    }
    return (bytes, Stamp(status))
  }

  /// The old content or the new one is there, whatever happens meanwhile. Durable when it returns, if `isDurable`.
  package static func write(_ bytes: [UInt8], to url: URL, isDurable: Bool = true) throws(Failure) {
    let path = url.path(percentEncoded: false)
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: .min ... .max)).part"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .unwritable }
    let isWritten = fill(descriptor, bytes) && (!isDurable || fsync(descriptor) == 0)
    close(descriptor)
    guard isWritten, rename(temporary, path) == 0 else {
      unlink(temporary)
      throw .unwritable
    }
    guard isDurable else { return }
    let folder = open(url.deletingLastPathComponent().path(percentEncoded: false), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw .unwritable }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw .unwritable }
  }

  private static func fill(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
