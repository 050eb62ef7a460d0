import Foundation

/// A log file that is read as it grows, also after another took its name.
struct LogFile {
  private let path: String
  private var handle: FileHandle
  private var inode: UInt64
  private var rest = Data()
  /// The first line read began earlier, so it is left out.
  private var isInsideLine = false

  /// What is read at once at most; a longer line is shown in pieces.
  private static let piece = 1 << 20
  /// Bytes at the end that are shown at first.
  private static let tail: UInt64 = 4096

  init?(at url: URL) {
    path = url.path(percentEncoded: false)
    guard let handle = FileHandle(forReadingAtPath: path), let inode = Self.inode(path) else { return nil }
    self.handle = handle
    self.inode = inode
    let end = (try? handle.seekToEnd()) ?? 0
    try? handle.seek(toOffset: end > Self.tail ? end - Self.tail : 0)
    isInsideLine = end > Self.tail
  }

  private static func inode(_ path: String) -> UInt64? {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
  }

  /// Whole lines that came since the last call.
  mutating func newLines() -> [String] {
    if let now = Self.inode(path), now != inode, let fresh = FileHandle(forReadingAtPath: path) {
      handle = fresh
      inode = now
      rest = Data()
    }
    rest += (try? handle.read(upToCount: Self.piece)) ?? Data()
    var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    rest = lines.popLast().map { Data($0) } ?? Data()
    if rest.count >= Self.piece {
      lines.append(rest[...])
      rest = Data()
    }
    if isInsideLine, !lines.isEmpty {
      lines.removeFirst()
      isInsideLine = false
    }
    return lines.map { String(decoding: $0, as: UTF8.self) }
  }
}
