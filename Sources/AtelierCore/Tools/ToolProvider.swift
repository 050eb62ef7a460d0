/// A connected server of tools as the tool loop sees it.
package protocol ToolProvider: Sendable {
  /// How answers name this server.
  var info: ToolProviderInfo { get }

  /// What stands before a tool's name when two servers offer the same one.
  var label: String { get }

  /// What may be called, by the server's own names, in any order; fetched anew only when the server says that it changed.
  /// Throws `mcpConnection` or `pluginConnection`.
  func tools() async throws(AtelierError) -> [OfferedTool]

  /// Calls a tool that `tools()` offered. Every failure, a server that died and a call that took longer than `limit`
  /// among them, is an outcome whose text tells the model. Cancelling the task cancels the call at the server; the
  /// outcome then means nothing.
  func call(_ tool: String, arguments: JSONObject, limit: Duration) async -> ToolOutcome

  /// Ends the connection if it was made for one request. Nothing is called afterwards; may be called twice.
  func close() async
}
