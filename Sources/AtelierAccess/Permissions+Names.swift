import AtelierCore

/// Why a list of permissions cannot be used; for the person who wrote it.
package struct PermissionProblem: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String
}

extension Permissions {
  private typealias Place = any WritableKeyPath<Permissions, Bool> & Sendable

  private static let switches: [(name: String, place: Place)] = [
    ("inference", \.inference), ("models.read", \.modelsRead), ("models.load", \.modelsLoad),
    ("models.download", \.modelsDownload), ("mcp.ephemeral", \.mcpEphemeral), ("chats.all", \.allChats),
  ]
  private static let plugins = "mcp.plugins"
  private static let everything = "all"

  /// What `init(names:)` takes, for help texts.
  package static let knownNames = switches.map(\.name) + [plugins, plugins + ":<label>", everything]

  /// As the token file and the command line write them: `inference`, `mcp.plugins` (all servers of mcp.json),
  /// `mcp.plugins:files` (that one), `all`.
  package init(names: some Sequence<String>) throws(PermissionProblem) {
    self = .nothing
    var labels: [String] = []
    for name in names {
      if let place = Self.switches.first(where: { $0.name == name })?.place {
        self[keyPath: place] = true
      } else if name == Self.plugins {
        mcpPlugins = .all
      } else if name.hasPrefix(Self.plugins + ":"), name.utf8.count > Self.plugins.utf8.count + 1 {
        labels.append(String(name.dropFirst(Self.plugins.count + 1)))
      } else if name == Self.everything {
        for (_, place) in Self.switches { self[keyPath: place] = true }
        mcpPlugins = .all
      } else {
        throw PermissionProblem(
          description: "'\(name)' is no permission; there are \(Self.knownNames.joined(separator: ", ")).")
      }
    }
    if mcpPlugins == .none, !labels.isEmpty { mcpPlugins = .labels(labels) }
  }

  package var names: [String] {
    let granted = Self.switches.filter { self[keyPath: $0.place] }.map(\.name)
    switch mcpPlugins {
    case .none: return granted
    case .all: return granted + [Self.plugins]
    case .labels(let labels): return granted + labels.map { "\(Self.plugins):\($0)" }
    }
  }
}
