import Foundation
import Glibc
import Logging

/// A worker's standard output and error, line by line, in our log.
enum WorkerOutput {
  private static let maxLine = 1024

  /// Takes over the descriptor; reads on a thread of its own until the worker's end is closed.
  static func follow(_ descriptor: Int32, logger: Logger) {
    let thread = Thread {
      defer { close(descriptor) }
      var line: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      func flush() {
        // Text of a library over a model file: shown as one line of printable characters.
        let text = String(decoding: line, as: UTF8.self).filter { !$0.isNewline && ($0.asciiValue ?? 32) >= 32 }
        // The worker's own words are for the operator, a library's for whoever looks for a fault.
        let isOwn = text.hasPrefix("atelier-worker: ")
        if !text.isEmpty { logger.log(level: isOwn ? .warning : .debug, "\(text)") }
        line.removeAll(keepingCapacity: true)
      }
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        for byte in buffer[..<count] {
          if byte == UInt8(ascii: "\n") { flush() } else if line.count < maxLine { line.append(byte) }
        }
      }
      flush()
    }
    thread.name = "worker-output"
    thread.stackSize = 256 << 10
    thread.start()
  }
}
