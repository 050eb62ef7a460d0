import Foundation

/// The only place that spells out paths under `ATELIER_HOME`.
package struct DataDirectory: Sendable, Hashable {
  package var root: URL

  package init(root: URL) { self.root = root.standardizedFileURL }

  /// `$ATELIER_HOME`, else `~/.atelier`.
  package static func standard(environment: [String: String]) -> DataDirectory {
    if let path = environment["ATELIER_HOME"], !path.isEmpty {
      return DataDirectory(root: URL(fileURLWithPath: path, isDirectory: true))
    }
    let home = environment["HOME"].map { URL(fileURLWithPath: $0, isDirectory: true) } ?? URL.homeDirectory
    return DataDirectory(root: home.appending(path: ".atelier", directoryHint: .isDirectory))
  }

  package var models: URL { root.appending(path: "models", directoryHint: .isDirectory) }
  package var settings: URL { root.appending(path: "settings.json") }
  package var database: URL { root.appending(path: "atelier.sqlite") }
  package var tokens: URL { root.appending(path: "tokens.json") }
  /// When each token was last used.
  package var tokenUse: URL { root.appending(path: "token-use.json") }
  /// The key of what the server signs for itself and hands to clients to keep.
  package var sealKey: URL { root.appending(path: "seal.key") }
  package var lock: URL { root.appending(path: "server.lock") }
  /// What a running server tells command-line clients: port and process id.
  package var serverState: URL { root.appending(path: "server.json") }
  package var modelDefaults: URL { root.appending(path: "model-defaults.json") }
  package var virtualModels: URL { root.appending(path: "hub/models", directoryHint: .isDirectory) }
  /// The journal of downloads.
  package var downloads: URL { root.appending(path: "downloads.json") }
  /// Catalog entries of the user's own.
  package var catalog: URL { root.appending(path: "catalog.json") }
  package var mcp: URL { root.appending(path: "mcp.json") }
  package var scratch: URL { root.appending(path: "scratch", directoryHint: .isDirectory) }
  package var logs: URL { root.appending(path: "logs", directoryHint: .isDirectory) }
  /// What a server started in the background prints.
  package var serverLog: URL { logs.appending(path: "server.log") }

  /// Creates the folder and the models folder, readable by the owner only.
  package func create() throws {
    try FileManager.default.createDirectory(
      at: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
  }
}
