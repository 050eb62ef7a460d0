import AtelierCore
import Synchronization

/// A server inside this process: every frame is handed to a function whose messages come back. For tests, and for servers
/// that Atelier may bring itself.
package final class InMemoryTransport: MCPTransport {
  /// Called for each frame that is sent, one at a time for each sender; `reply` delivers a message or another event.
  package typealias Server =
    @Sendable (OutboundFrame, _ reply: @escaping @Sendable (TransportEvent) async -> Void) async
    -> Void

  private struct State {
    var deliver: (@Sendable (TransportEvent) async -> Void)?
    var cancelled: [RequestID] = []
    var notices: [JSONRPCMessage] = []
    var isListening = false
    var isClosed = false
  }

  private let server: Server
  private let state = Mutex(State())

  package init(_ server: @escaping Server) { self.server = server }

  package func open(_ deliver: @escaping @Sendable (TransportEvent) async -> Void) async throws(MCPError) {
    state.withLock { $0.deliver = deliver }
  }

  package func send(_ frame: OutboundFrame) async throws(MCPError) {
    let deliver = state.withLock { $0.isClosed ? nil : $0.deliver }
    guard let deliver else { throw .closed }
    await server(frame, deliver)
  }

  package func cancel(_ id: RequestID, notice: OutboundFrame?) {
    state.withLock {
      $0.cancelled.append(id)
      if let notice { $0.notices.append(notice.message) }
    }
  }

  package func listen(_ version: ProtocolVersion) { state.withLock { $0.isListening = true } }

  package func close() async { state.withLock { $0.isClosed = true } }

  /// The server speaks of its own accord.
  package func deliver(_ event: TransportEvent) async { await state.withLock(\.deliver)?(event) }

  package var cancelled: [RequestID] { state.withLock(\.cancelled) }
  package var notices: [JSONRPCMessage] { state.withLock(\.notices) }
  package var isListening: Bool { state.withLock(\.isListening) }
  package var isClosed: Bool { state.withLock(\.isClosed) }
}
