/// Bounds on what a server may take of us (threat model, "MCP").
package struct MCPLimits: Sendable, Hashable {
  /// Connecting, negotiating and listing together.
  package var connect = Duration.seconds(15)
  /// A call without progress.
  package var call = Duration.seconds(60)
  /// A call in all, however much progress it reports.
  package var longestCall = Duration.seconds(600)
  /// The first question to a server whose era is not known. Some old ones never answer what they do not know.
  package var probe = Duration.seconds(5)
  /// Giving a session back, or accepting a notification.
  package var courtesy = Duration.seconds(5)
  /// Pages of one list.
  package var pages = 16
  /// Tools read from one server, before `allowed_tools` chooses.
  package var listedTools = 2048
  /// Tools of one server shown to a model.
  package var tools = 128
  /// Bytes of a tool's description; the rest is cut off.
  package var descriptionBytes = 16 << 10
  /// Bytes of a tool's schema; a tool with a larger one is left out.
  package var schemaBytes = 64 << 10
  /// Bytes of a tool's annotations.
  package var annotationBytes = 4 << 10
  /// Bytes of one message.
  package static let messageBytes = 1 << 20
  /// Requests without an answer on one connection.
  package static let outstanding = 64
  /// Bytes of a result's text that reach the model.
  package static let resultBytes = 64 << 10

  package init() {}
}
