import AtelierCore
import Crypto
import Foundation

/// `<file>.part` on its way to becoming `<file>`: the bytes are hashed as they come, and the final name appears only after
/// size, hash and header were checked and the bytes are on the disk.
///
/// File calls block, so the actor has a queue of its own.
actor PartFile {
  private let part: String
  private let final: String
  private let folder: String
  private let expected: DownloadFile
  private let calls: FileCalls
  private let executor = QueueExecutor(label: "atelier.download")
  private var descriptor: Int32 = -1
  private var size: Int64 = 0
  private var hash = SHA256()

  private static let piece = 1 << 20

  init(_ file: DownloadFile, in folder: URL, calls: FileCalls = .system) {
    expected = file
    self.calls = calls
    let path = folder.path(percentEncoded: false)
    self.folder = path.hasSuffix("/") ? String(path.dropLast()) : path
    final = "\(self.folder)/\(file.localName)"
    part = final + ".part"
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Opens the part, and reads what is in it when `keepsContent`. Returns its size.
  func open(keepsContent: Bool) throws(AtelierError) -> Int64 {
    do { try calls.makeFolder(folder) } catch {
      if (error as? CocoaError)?.code == .fileWriteOutOfSpace { throw diskFull }
      throw failure("its folder cannot be made")
    }
    descriptor = calls.open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o644)
    guard descriptor >= 0 else { throw system() }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw failure("its part file is no regular file")
    }
    size = Int64(status.st_size)
    if !keepsContent || size > expected.size { try reset() }
    try hashContent()
    return size
  }

  private func hashContent() throws(AtelierError) {
    hash = SHA256()
    var offset: Int64 = 0
    var buffer = [UInt8](repeating: 0, count: Self.piece)
    while offset < size {
      let got = pread(descriptor, &buffer, buffer.count, off_t(offset))
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { throw system() }
      hash.update(data: buffer[..<got])
      offset += Int64(got)
    }
  }

  func reset() throws(AtelierError) {
    guard calls.truncate(descriptor, to: 0) == 0 else { throw system() }
    size = 0
    hash = SHA256()
  }

  func append(_ bytes: [UInt8]) throws(AtelierError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        calls.write(descriptor, UnsafeRawBufferPointer(rebasing: buffer[written...]), at: size + Int64(written))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        // What was written of this piece is not counted, so the next attempt writes over it.
        let error = system()
        _ = ftruncate(descriptor, off_t(size))
        throw error
      }
      written += count
    }
    hash.update(data: bytes)
    size += Int64(bytes.count)
  }

  /// Checks and publishes. `mayReplace`: the file that has the final name was written by this downloader.
  func finish(mayReplace: Bool) throws(AtelierError) {
    guard size == expected.size else { throw rejected("it has another size than the hub announced") }
    if let wanted = expected.sha256 {
      let found = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      guard found == wanted else { throw rejected("its SHA-256 is not the one the hub announced") }
    }
    do { _ = try GGUFReader.header(ofFileAt: part) } catch { throw rejected("it is no usable model file (\(error))") }
    guard calls.sync(descriptor) == 0 else { throw system() }
    if mayReplace {
      guard calls.rename(part, final) == 0 else { throw system() }
    } else {
      // A hard link fails where the name is taken; a rename would replace what is there.
      if calls.link(part, final) == 0 {
        unlink(part)
      } else if errno == EEXIST {
        throw failure("a file with this name exists that was not downloaded")
      } else {
        guard access(final, F_OK) != 0 else { throw failure("a file with this name exists that was not downloaded") }
        guard calls.rename(part, final) == 0 else { throw system() }
      }
    }
    close(descriptor)
    descriptor = -1
    calls.syncFolder(folder)
  }

  func discard() {
    unlink(part)
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    size = 0
  }

  private func rejected(_ reason: String) -> AtelierError {
    discard()
    return failure(reason)
  }

  private func failure(_ reason: String) -> AtelierError {
    AtelierError(.downloadFailed, "\(expected.localName) was refused: \(reason).")
  }

  private var diskFull: AtelierError {
    AtelierError(.insufficientDiskSpace, "The disk is full; \(expected.localName) is incomplete.")
  }

  private func system() -> AtelierError {
    switch errno {
    case ENOSPC, EDQUOT: diskFull
    case ELOOP: failure("its part file is a symbolic link")
    case let code: AtelierError(.downloadFailed, "\(expected.localName) cannot be written (errno \(code)).")
    }
  }
}
