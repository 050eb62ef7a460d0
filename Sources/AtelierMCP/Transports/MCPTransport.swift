import AtelierCore

/// The pipe to one server. Messages go out by `send`; everything that comes in is handed to the function given to `open`,
/// one after another for each stream, and a stream reads on when the function returns.
package protocol MCPTransport: Sendable {
  /// Once, before anything else. Throws when there is no way to the server.
  func open(_ deliver: @escaping @Sendable (TransportEvent) async -> Void) async throws(MCPError)

  /// A request: returns when it is on its way; its answer, or why there is none, is delivered. A notification or an answer:
  /// returns when the server has it.
  func send(_ frame: OutboundFrame) async throws(MCPError)

  /// The answer to a request is not wanted any more. `notice` says so to the server, in transports and eras where closing
  /// the request's own stream does not. Returns at once.
  func cancel(_ id: RequestID, notice: OutboundFrame?)

  /// The handshake is done: open the stream for what the server says of its own accord, where that is one of its own.
  func listen(_ version: ProtocolVersion)

  /// Ends everything; returns when it is ended, within seconds. May be called twice.
  func close() async
}

/// A message and what a transport has to say beside it.
package struct OutboundFrame: Sendable {
  package var message: JSONRPCMessage
  /// What was negotiated; nil before.
  package var version: ProtocolVersion?
  /// Headers of a call that its tool asked for.
  package var headers: [(name: String, value: String)]

  package init(_ message: JSONRPCMessage, version: ProtocolVersion?, headers: [(name: String, value: String)] = []) {
    self.message = message
    self.version = version
    self.headers = headers
  }
}

package enum TransportEvent: Sendable {
  case message(JSONRPCMessage)
  /// This request will get no answer.
  case failed(RequestID, MCPError)
  /// Nothing comes any more.
  case closed(MCPError)
  /// Something that could not be read, or that only the log wants.
  case remark(String)
}
