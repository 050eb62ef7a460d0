import AtelierCore
import Foundation
import Glibc

/// A program that speaks MCP on its standard input and output.
package struct ServerCommand: Sendable, Hashable {
  /// A path, or a name looked for in `PATH`.
  package var command: String
  package var arguments: [String]
  /// Added to the few variables a program needs; may replace them.
  package var environment: [String: Secret]
  /// nil: our own.
  package var directory: String?

  package init(
    command: String, arguments: [String] = [], environment: [String: Secret] = [:], directory: String? = nil
  ) {
    self.command = command
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
  }

  /// What is handed on of our own environment. No token is among it.
  private static let inherited = ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"]

  /// The whole environment of the process.
  func variables(from own: [String: String]) -> [String: String] {
    var variables: [String: String] = [:]
    for name in Self.inherited {
      // A shell function in a variable.
      if let value = own[name], !value.hasPrefix("()") { variables[name] = value }
    }
    for (name, value) in environment { variables[name] = value.value }
    return variables
  }

  /// The program's file; nil when there is none that may be run.
  func executable(path: String?) -> String? {
    if command.contains("/") {
      let place =
        command.hasPrefix("/") ? command : (directory ?? FileManager.default.currentDirectoryPath) + "/" + command
      return Self.isExecutable(place) ? place : nil
    }
    for folder in (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":") where folder.hasPrefix("/") {
      let place = folder + "/" + command
      if Self.isExecutable(String(place)) { return String(place) }
    }
    return nil
  }

  private static func isExecutable(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }
}
