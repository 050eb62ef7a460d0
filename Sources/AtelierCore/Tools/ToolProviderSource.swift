/// Finds and connects the servers of tools that a request names.
package protocol ToolProviderSource: Sendable {
  /// The label of the server of mcp.json that an id of a request (`mcp/<label>`) means; nil when there is no such server.
  func label(ofPlugin id: String) async -> String?

  /// Throws what can be known before anything is connected: `pluginConnection` for a plugin that does not exist,
  /// `invalidValue` for an address or a header that cannot be, `forbiddenAddress` for one that must not be connected to.
  /// `place` is the reference's index in the request, for `param`.
  func check(_ reference: ToolProviderReference, at place: Int) async throws(AtelierError)

  /// Connects and lists the tools. Throws `mcpConnection`, `pluginConnection` or `forbiddenAddress`; the message names
  /// the server as the request does.
  func connect(_ reference: ToolProviderReference) async throws(AtelierError) -> any ToolProvider
}
