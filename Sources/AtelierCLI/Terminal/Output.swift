import AtelierCore
import Foundation

/// What commands print: results to standard output, everything else to standard error.
enum Output {
  static func json(_ value: JSONValue) { print(value.serialized()) }

  static func line(_ text: String) { print(text) }

  static func warn(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  static func complain(_ text: String) { if !text.isEmpty { warn("Error: \(HumanText.lines(text))") } }

  /// Cut to the terminal, whole when it goes elsewhere.
  static func table(_ table: TextTable) {
    for line in table.lines(width: Terminal.outputIsTerminal ? Terminal.width : nil) { print(line) }
  }

  /// Unbuffered, after what `print` holds.
  static func write(_ text: String, to descriptor: Int32) {
    fflush(nil)
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
