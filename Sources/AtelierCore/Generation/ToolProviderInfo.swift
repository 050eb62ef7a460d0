/// Who runs a server-side tool.
package enum ToolProviderInfo: Sendable, Hashable, Codable {
  /// A server of mcp.json; the id as the caller wrote it, such as `mcp/files`.
  case plugin(id: String)
  case ephemeral(serverLabel: String)
}
