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
