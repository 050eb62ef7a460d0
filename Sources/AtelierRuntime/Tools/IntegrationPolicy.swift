import AtelierCore

/// Who may use which servers of tools (native.md 13.3): the operator's switches and the caller's permissions.
package struct IntegrationPolicy: Sendable, Hashable {
  package var allowsEphemeral: Bool
  package var allowsPlugins: Bool

  package init(allowsEphemeral: Bool, allowsPlugins: Bool) {
    self.allowsEphemeral = allowsEphemeral
    self.allowsPlugins = allowsPlugins
  }

  package init(_ settings: Settings) {
    self.init(allowsEphemeral: settings.mcpAllowEphemeral, allowsPlugins: settings.mcpAllowPlugins)
  }

  /// Nothing is allowed.
  package static let closed = IntegrationPolicy(allowsEphemeral: false, allowsPlugins: false)

  /// Throws for the first server that may not be used: `mcpDisabled` when the operator does not allow it to anyone,
  /// `permissionDenied` when the caller lacks the permission. Throws `invalidValue` for one named twice. Looks at all before
  /// anything is connected. `label`: the label of the server of mcp.json that an id means.
  package func check(
    _ references: [ToolProviderReference], for caller: Caller, label: @Sendable (_ id: String) async -> String?
  ) async throws(AtelierError) {
    for reference in references {
      guard let refusal = await refusal(of: reference, for: caller, label) else { continue }
      let server =
        switch reference {
        case .plugin(let id, _): "plugin '\(id.prefix(200))'"
        case .ephemeral(let server): "ephemeral MCP server '\(server.label.prefix(200))'"
        }
      throw AtelierError(
        refusal.code, "Permission denied to use \(server). \(refusal.reason)", param: "integrations")
    }
    var seen: Set<ToolProviderInfo> = []
    for (place, reference) in references.enumerated() where !seen.insert(reference.info).inserted {
      throw AtelierError(
        .invalidValue, "'integrations.\(place)' names a server that is named before", param: "integrations.\(place)")
    }
  }

  private typealias Refusal = (code: AtelierError.Code, reason: String)

  private func refusal(
    of reference: ToolProviderReference, for caller: Caller, _ label: @Sendable (String) async -> String?
  ) async -> Refusal? {
    switch reference {
    case .plugin(let id, _):
      if !allowsPlugins {
        return (
          .mcpDisabled, "Calling servers from mcp.json is off; the operator can turn on the setting mcp.allow_plugins."
        )
      }
      // Whether authentication is on may change while the server runs; the caller tells what was true of this request.
      if caller.tokenID == nil {
        return (
          .mcpDisabled,
          "Calling servers from mcp.json needs authentication; the operator can turn on the setting require_auth."
        )
      }
      return caller.permissions.allowsPlugin(await label(id))
        ? nil : (.permissionDenied, "The API token lacks the permission mcp.plugins for it.")
    case .ephemeral:
      if !allowsEphemeral {
        return (
          .mcpDisabled, "Per-request MCP servers are off; the operator can turn on the setting mcp.allow_ephemeral."
        )
      }
      return caller.permissions.mcpEphemeral
        ? nil : (.permissionDenied, "The API token lacks the permission mcp.ephemeral.")
    }
  }
}

extension ToolProviderReference {
  /// How answers name it.
  var info: ToolProviderInfo {
    switch self {
    case .plugin(let id, _): .plugin(id: id)
    case .ephemeral(let server): .ephemeral(serverLabel: server.label)
    }
  }
}
