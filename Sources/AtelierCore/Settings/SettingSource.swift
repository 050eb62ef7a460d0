/// Where a setting's value came from, highest precedence first.
package enum SettingSource: Sendable, Hashable, CustomStringConvertible {
  case flag(String)
  /// The variable's name.
  case environment(String)
  /// The file's path.
  case file(String)
  case builtIn

  package var description: String {
    switch self {
    case .flag(let name): "flag \(name)"
    case .environment(let name): "environment variable \(name)"
    case .file(let path): "file \(path)"
    case .builtIn: "default"
    }
  }

  /// The word `config explain --json` uses.
  package var kind: String {
    switch self {
    case .flag: "flag"
    case .environment: "environment"
    case .file: "file"
    case .builtIn: "default"
    }
  }
}
