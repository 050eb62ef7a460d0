import AtelierCore

/// Why something with a server did not work. `description` is for people and for models: it holds no header and no path.
package struct MCPError: Error, Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// No connection: the name, the address, the certificate, or a connection that broke.
    case unreachable
    /// The address must not be connected to.
    case forbiddenAddress
    /// The server wants a login we cannot give.
    case unauthorized
    case http(status: Int)
    /// The server's own refusal.
    case rpc(RPCFailure)
    /// What came is no message of the protocol.
    case malformed
    /// Larger than a message or a list may be.
    case tooLarge
    case timedOut
    /// The server no longer knows the session.
    case sessionLost
    /// The process ended, or the stream that carries all answers.
    case closed
    case unsupportedVersion
    case cannotStart
    /// Too much at once on our side.
    case busy
    case cancelled
  }

  package var kind: Kind
  package var description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  static func rpc(_ failure: RPCFailure) -> MCPError {
    let words = PlainText.line(failure.message, limit: 500)
    return MCPError(.rpc(failure), "MCP error \(failure.code)\(words.isEmpty ? "" : ": \(words)")")
  }

  package static let timedOut = MCPError(.timedOut, "MCP error -32001: Request timed out")
  package static let closed = MCPError(.closed, "The connection to the server ended")
  package static let cancelled = MCPError(.cancelled, "The request was cancelled")
  package static let tooLarge = MCPError(.tooLarge, "The server's message is larger than 1 MiB")
  package static let busy = MCPError(.busy, "Too many requests to this server at once")

  /// The failure of an older kind of server to understand this transport at all (native.md 13.6).
  var suggestsOlderTransport: Bool {
    if case .http(let status) = kind { return (400..<500).contains(status) && status != 403 && status != 429 }
    return false
  }
}
