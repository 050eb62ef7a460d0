import Foundation

/// Descriptors of this process that a child would inherit.
package enum OpenDescriptors {
  /// Those above `last` that some library opened without close-on-exec.
  package static func inheritable(above last: Int32) -> [Int32] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return names.compactMap { Int32($0) }.filter { descriptor in
      guard descriptor > last else { return false }
      let flags = fcntl(descriptor, F_GETFD)
      return flags >= 0 && flags & FD_CLOEXEC == 0
    }
  }
}
