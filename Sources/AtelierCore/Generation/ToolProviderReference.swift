/// A server of tools that a request names. Which of them may be used is decided where the request runs.
package enum ToolProviderReference: Sendable, Hashable {
  /// A server of mcp.json; the id as the caller wrote it, such as `mcp/files`. `allowedTools` nil: all of its tools.
  case plugin(id: String, allowedTools: [String]?)
  /// A remote server that exists for this request only.
  case ephemeral(EphemeralToolServer)
}
