import AtelierCore
import Foundation

/// What a background start hands to `atelier serve`.
struct StartArguments: Sendable, Hashable {
  var port: Int?
  var bind: String?
  var cors = false
  var insecure = false
  /// As typed after `--`.
  var others: [String] = []

  /// The last port is taken again only where neither flag, variable nor file names one.
  func words(directory: DataDirectory, environment: [String: String]) -> [String] {
    var words: [String] = []
    if let port = port ?? lastPort(directory, environment) { words += ["--port", String(port)] }
    if let bind { words += ["--host", bind] }
    if cors { words.append("--cors") }
    if insecure { words.append("--insecure") }
    return words + others
  }

  private func lastPort(_ directory: DataDirectory, _ environment: [String: String]) -> Int? {
    let isNamed = others.contains { ["-p", "--port"].contains($0) || $0.hasPrefix("--port=") || $0.hasPrefix("port=") }
    if isNamed || environment["ATELIER_PORT"].map({ !$0.isEmpty }) == true { return nil }
    let path = directory.settings.path(percentEncoded: false)
    let text = try? String(contentsOf: directory.settings, encoding: .utf8)
    if let text, let file = try? SettingsFile(parsing: text, path: path),
      file.values.contains(where: { $0.0 == "port" })
    {
      return nil
    }
    return ServerState.read(from: directory)?.networkPort
  }
}
