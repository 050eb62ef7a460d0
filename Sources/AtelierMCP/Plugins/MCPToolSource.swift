import AtelierCore
import AtelierEgress
import Logging

/// Connects what a request names: servers of mcp.json, which live on, and servers described in the request, which end with
/// it.
package struct MCPToolSource: ToolProviderSource {
  private let plugins: PluginManager
  private let connector: MCPConnector
  /// Servers described in requests may have any address.
  private let allowsPrivateAddresses: Bool
  private let logger: Logger

  package init(plugins: PluginManager, connector: MCPConnector, allowsPrivateAddresses: Bool, logger: Logger) {
    self.plugins = plugins
    self.connector = connector
    self.allowsPrivateAddresses = allowsPrivateAddresses
    self.logger = logger
  }

  package func label(ofPlugin id: String) async -> String? { await plugins.label(of: id) }

  package func check(_ reference: ToolProviderReference, at place: Int) async throws(AtelierError) {
    switch reference {
    case .plugin(let id, _):
      guard await plugins.label(of: id) != nil else {
        throw AtelierError(
          .pluginConnection,
          "Cannot find plugin handle '\(PlainText.line(id, limit: 200))': mcp.json has no such server. "
            + "Ids look like 'mcp/<label>'.", param: "integrations")
      }
    case .ephemeral(let server):
      let endpoint = try endpoint(of: server, at: place)
      do throws(MCPError) { try await endpoint.check() } catch { throw Self.failure(error, of: Self.info(server)) }
    }
  }

  package func connect(_ reference: ToolProviderReference) async throws(AtelierError) -> any ToolProvider {
    switch reference {
    case .plugin(let id, let allowed): try await connect(plugin: id, allowed)
    case .ephemeral(let server): try await connect(server)
    }
  }

  private func connect(plugin id: String, _ allowed: [String]?) async throws(AtelierError) -> any ToolProvider {
    let info = ToolProviderInfo.plugin(id: id)
    let lease: PluginManager.Lease
    do throws(MCPError) {
      guard let label = await plugins.label(of: id) else { throw MCPError(.cannotStart, "It is not in mcp.json") }
      lease = try await plugins.lease(label)
    } catch { throw Self.failure(error, of: info) }
    return MCPToolProvider(
      info, label: lease.entry.label, client: lease.client, allowed: allowed,
      timeout: lease.entry.timeout ?? connector.limits.call, limits: connector.limits, clock: connector.clock,
      logger: logger, end: { [plugins] in await plugins.release(lease) })
  }

  private func connect(_ server: EphemeralToolServer) async throws(AtelierError) -> any ToolProvider {
    let info = Self.info(server)
    let endpoint = try endpoint(of: server, at: nil)
    let client: MCPClient
    do throws(MCPError) { client = try await connector.connect(to: endpoint, label: server.label) } catch {
      throw Self.failure(error, of: info)
    }
    return MCPToolProvider(
      info, label: server.label, client: client, allowed: server.allowedTools, timeout: connector.limits.call,
      limits: connector.limits, clock: connector.clock, logger: logger, end: { await client.close() })
  }

  private func endpoint(of server: EphemeralToolServer, at place: Int?) throws(AtelierError) -> MCPEndpoint {
    let path = place.map { "integrations.\($0)" } ?? "integrations"
    guard let url = WebAddress(server.url) else {
      throw AtelierError(
        .invalidValue, "'\(path).server_url' must be an http or https address without a user part",
        param: "\(path).server_url")
    }
    do throws(MCPEndpoint.InvalidHeader) {
      return try MCPEndpoint(
        url, headers: server.headers.map { ($0.name, $0.value) }, egress: connector.egress,
        isTrusted: allowsPrivateAddresses)
    } catch {
      throw AtelierError(
        .invalidValue,
        "'\(path).headers' must not hold '\(PlainText.line(error.name, limit: 64))': its name or its value cannot be sent",
        param: "\(path).headers")
    }
  }

  private static func info(_ server: EphemeralToolServer) -> ToolProviderInfo { .ephemeral(serverLabel: server.label) }

  /// The request's words for what went wrong. Clients look for the plugin's id in the message.
  static func failure(_ error: MCPError, of info: ToolProviderInfo) -> AtelierError {
    switch info {
    case .plugin(let id):
      // What a program could not be started from is for the log.
      let cause = error.kind == .cannotStart ? "it cannot be started now; see the server's log" : lowered(error)
      return AtelierError(
        .pluginConnection, "Unable to get plugin tools of '\(PlainText.line(id, limit: 200))': \(cause).",
        param: "integrations")
    case .ephemeral(let label):
      return AtelierError(
        error.kind == .forbiddenAddress ? .forbiddenAddress : .mcpConnection,
        "Cannot connect to MCP server '\(PlainText.line(label, limit: 200))': \(lowered(error)).", param: "integrations"
      )
    }
  }

  private static func lowered(_ error: MCPError) -> String {
    let text = error.description
    return text.hasPrefix("MCP") ? text : text.prefix(1).lowercased() + text.dropFirst()
  }
}
