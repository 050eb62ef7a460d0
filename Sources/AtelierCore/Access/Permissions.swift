/// What a caller may do (native.md 3.9).
package struct Permissions: Sendable, Hashable {
  package enum Plugins: Sendable, Hashable {
    case none
    case all
    /// Labels of mcp.json.
    case labels([String])
  }

  /// Chats, completions, responses, messages, embeddings and reranking on all surfaces.
  package var inference: Bool
  /// Lists of models, the states of instances and of downloads.
  package var modelsRead: Bool
  /// Loading and unloading, also the loading that a request for an answer needs.
  package var modelsLoad: Bool
  package var modelsDownload: Bool
  /// Servers of tools that a request describes itself.
  package var mcpEphemeral: Bool
  /// Servers of mcp.json.
  package var mcpPlugins: Plugins
  /// Everybody's stored chats, and the log of predictions: for the operator of the server, not for its clients.
  package var allChats: Bool

  package init(
    inference: Bool = true, modelsRead: Bool = true, modelsLoad: Bool = true, modelsDownload: Bool = false,
    mcpEphemeral: Bool = false, mcpPlugins: Plugins = .none, allChats: Bool = false
  ) {
    self.inference = inference
    self.modelsRead = modelsRead
    self.modelsLoad = modelsLoad
    self.modelsDownload = modelsDownload
    self.mcpEphemeral = mcpEphemeral
    self.mcpPlugins = mcpPlugins
    self.allChats = allChats
  }

  /// Of a new token for which nothing else is said.
  package static let standard = Permissions()

  package static let withoutAuthentication = Permissions(modelsDownload: true, mcpEphemeral: true)

  package static let nothing = Permissions(inference: false, modelsRead: false, modelsLoad: false)

  /// `label`: of the server of mcp.json that a request means; nil when there is none. Exactly, because labels that only look
  /// alike are different servers.
  package func allowsPlugin(_ label: String?) -> Bool {
    switch mcpPlugins {
    case .none: false
    case .all: true
    case .labels(let labels): label.map(labels.contains) ?? false
    }
  }
}
