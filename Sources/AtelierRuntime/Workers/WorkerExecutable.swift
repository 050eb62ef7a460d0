import Glibc

/// Where the worker's binary lies.
package enum WorkerExecutable {
  /// `atelier-worker` beside this process's own executable, symbolic links resolved; nil when that cannot be read.
  package static func beside() -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return nil }
    return String(decoding: path[...slash], as: UTF8.self) + "atelier-worker"
  }
}
