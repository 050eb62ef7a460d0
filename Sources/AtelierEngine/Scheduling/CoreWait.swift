import Foundation

/// How long this process's threads have waited for a core though they could run: the second number of
/// `/proc/self/task/*/schedstat` (nanoseconds), summed.
enum CoreWait {
  /// Seconds; nil where the kernel does not tell.
  static func total() -> Double? {
    guard let folder = opendir("/proc/self/task") else { return nil }
    defer { closedir(folder) }
    var sum = 0.0
    var found = false
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.first != ".", let waited = nanoseconds(of: name) else { continue }
      sum += waited
      found = true
    }
    return found ? sum / 1e9 : nil
  }

  private static func nanoseconds(of thread: String) -> Double? {
    let file = open("/proc/self/task/\(thread)/schedstat", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 96) { buffer in
      let count = read(file, buffer.baseAddress, buffer.count)
      guard count > 0 else { return nil }
      let numbers = buffer[..<count].split(separator: UInt8(ascii: " "))
      return numbers.count > 1 ? Double(String(decoding: numbers[1], as: UTF8.self)) : nil
    }
  }
}
