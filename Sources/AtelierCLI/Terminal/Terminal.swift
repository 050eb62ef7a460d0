import Foundation

/// The person at the other end, if there is one.
enum Terminal {
  static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }
  static var inputIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  /// Questions go to standard error, so that results can be piped on.
  static var canAsk: Bool { inputIsTerminal && errorIsTerminal }

  /// Columns of the terminal that standard output, or else standard error, goes to; 80 when it does not say.
  static var width: Int {
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      var size = winsize()
      if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    }
    return 80
  }

  /// Whether the terminal shows more than ASCII.
  static let isUnicode: Bool = {
    let environment = ProcessInfo.processInfo.environment
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    return locale.uppercased().replacing("-", with: "").contains("UTF8")
  }()

  /// The trimmed answer; nil at the end of the input.
  static func ask(_ question: String) -> String? {
    Output.write(question, to: STDERR_FILENO)
    return readLine()?.trimmingCharacters(in: .whitespaces)
  }

  /// No is the default.
  static func confirm(_ question: String) -> Bool {
    ["y", "yes"].contains(ask("\(question) [y/N] ")?.lowercased() ?? "")
  }

  /// Shows the table with a number before each row and returns the place of the row chosen; Return takes `standard`, `q`
  /// and the end of the input nothing.
  static func choose(_ title: String, _ table: TextTable, standard: Int) -> Int? {
    Output.warn(table.numbered.lines(width: width).joined(separator: "\n"))
    for _ in 0..<100 {
      guard let answer = ask("\(title) [\(standard + 1)]: ") else { return nil }
      if answer.isEmpty { return standard }
      if ["q", "quit"].contains(answer.lowercased()) { return nil }
      if let number = Int(answer), table.rows.indices.contains(number - 1) { return number - 1 }
      Output.warn("Type a number from 1 to \(table.rows.count), or q.")
    }
    return nil
  }
}
