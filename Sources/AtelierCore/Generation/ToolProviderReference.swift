/// A server of tools that a request names. Which of them may be used is decided where the request runs.
package enum ToolProviderReference: Sendable, Hashable {
  /// A server of mcp.json; the id as the caller wrote it, such as `mcp/files`. `allowedTools` nil: all of its tools.
  case plugin(id: String, allowedTools: [String]?)
  /// A remote server that exists for this request only.
  case ephemeral(EphemeralToolServer)
}

/// An MCP server over HTTP as a request describes it.
package struct EphemeralToolServer: Sendable, Hashable {
  package var label: String
  /// As the caller wrote it; addresses are checked where the connection is made.
  package var url: String
  /// Sent on every request to this server, in the order written.
  package var headers: [Header]
  /// nil: all of its tools; empty: none.
  package var allowedTools: [String]?

  package struct Header: Sendable, Hashable {
    package var name: String
    package var value: Secret

    package init(name: String, value: Secret) {
      self.name = name
      self.value = value
    }
  }

  package init(label: String, url: String, headers: [Header] = [], allowedTools: [String]? = nil) {
    self.label = label
    self.url = url
    self.headers = headers
    self.allowedTools = allowedTools
  }
}
