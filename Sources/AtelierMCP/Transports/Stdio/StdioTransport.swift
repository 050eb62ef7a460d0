import AtelierCore
import Logging
import Synchronization

/// A server program on this machine: JSON-RPC messages as lines on its standard streams.
package final class StdioTransport: MCPTransport {
  private struct State {
    var process: ServerProcess?
    var isClosed = false
  }

  private let command: ServerCommand
  private let environment: [String: String]
  private let logger: Logger
  private let state = Mutex(State())

  /// `environment`: ours, of which a few harmless variables are handed on.
  package init(_ command: ServerCommand, environment: [String: String], logger: Logger) {
    self.command = command
    self.environment = environment
    self.logger = logger
  }

  package func open(_ deliver: @escaping @Sendable (TransportEvent) async -> Void) async throws(MCPError) {
    let process = try ServerProcess(
      command, environment: environment, logger: logger,
      line: { line in
        do throws(JSONRPCMessage.Malformed) {
          for message in try JSONRPCMessage.decode(line) { await deliver(.message(message)) }
        } catch {
          await deliver(.remark("wrote a line that is no message: \(error.reason)"))
        }
      },
      end: { error in await deliver(.closed(error ?? MCPError(.closed, "The server's program ended"))) })
    let isClosed = state.withLock { state in
      state.process = process
      return state.isClosed
    }
    if isClosed { await process.end() }
  }

  package func send(_ frame: OutboundFrame) async throws(MCPError) {
    guard let process = state.withLock({ $0.isClosed ? nil : $0.process }) else { throw .closed }
    try process.write(frame.message.encoded)
  }

  package func cancel(_ id: RequestID, notice: OutboundFrame?) {
    guard let notice, let process = state.withLock(\.process) else { return }
    try? process.write(notice.message.encoded)
  }

  package func listen(_ version: ProtocolVersion) {}

  package func close() async {
    let process = state.withLock { state in
      state.isClosed = true
      return state.process
    }
    await process?.end()
  }
}
