import Foundation

/// A regular file opened for reading at any offset. Closed when the last reference goes.
final class RandomAccessFile {
  private let descriptor: Int32
  let size: UInt64

  /// Follows symbolic links. Never blocks on a pipe or device.
  init(path: String) throws(GGUFError) {
    descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      size = 0
      throw .unreadable(errno: errno)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      size = 0
      throw .unreadable(errno: errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      size = 0
      throw .notARegularFile
    }
    size = UInt64(max(status.st_size, 0))
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// `count` bytes from `offset`, fewer only where the file ends.
  func read(at offset: UInt64, count: Int) throws(GGUFError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let got = pread(
          descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset) + off_t(filled))
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        if got <= 0 { break }
        filled += got
      }
    }
    if failure != 0 { throw .unreadable(errno: failure) }
    return bytes
  }
}
