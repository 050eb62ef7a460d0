import AtelierCore
import AtelierEgress
import Synchronization

/// HTTP with server-sent events (2024-11-05): one stream brings everything; its first event says where messages are posted
/// to.
package final class EventStreamTransport: MCPTransport {
  private struct State {
    var target: MCPEndpoint?
    var deliver: (@Sendable (TransportEvent) async -> Void)?
    var reader: Task<Void, Never>?
    /// Requests on their way to the server; their answers come on the stream.
    var requests: [RequestID: Task<Void, Never>] = [:]
    /// Cancellations on their way to the server.
    var notices: [RequestID: Task<Void, Never>] = [:]
    var isClosed = false
  }

  private let endpoint: MCPEndpoint
  private let limits: MCPLimits
  private let state = Mutex(State())

  package init(_ endpoint: MCPEndpoint, limits: MCPLimits = MCPLimits()) {
    self.endpoint = endpoint
    self.limits = limits
  }

  package func open(_ deliver: @escaping @Sendable (TransportEvent) async -> Void) async throws(MCPError) {
    let (starts, start) = AsyncStream.makeStream(of: Result<Void, MCPError>.self, bufferingPolicy: .bufferingOldest(1))
    state.withLock { state in
      guard !state.isClosed else { return }
      state.deliver = deliver
      state.reader = Task { [self] in
        let error = await follow(start, deliver)
        start.yield(.failure(error))
        start.finish()
        await deliver(.closed(error))
      }
    }
    for await first in starts { return try first.get() }
    throw .cancelled
  }

  package func send(_ frame: OutboundFrame) async throws(MCPError) {
    guard let target = state.withLock({ $0.isClosed ? nil : $0.target }) else { throw .closed }
    guard case .request(let id, _, _) = frame.message else { return try await post(frame, to: target) }
    // Not waited for: whoever wants the answer may leave before the server has taken the question.
    state.withLock { state in
      state.requests[id] = Task { [self, deliver = state.deliver] in
        do throws(MCPError) { try await post(frame, to: target) } catch { await deliver?(.failed(id, error)) }
        self.state.withLock { $0.requests[id] = nil }
      }
    }
  }

  private func post(_ frame: OutboundFrame, to target: MCPEndpoint) async throws(MCPError) {
    let body = frame.message.encoded
    let version = frame.version
    // Its own task: the sender may be cancelled, and what it had to say still counts.
    let result = await Task { [limits] () -> Result<Void, MCPError> in
      var headers = [(name: "content-type", value: "application/json")]
      if let version { headers.append(("mcp-protocol-version", version.rawValue)) }
      do throws(MCPError) {
        let refusal = try await target.exchange(.post, headers: headers, body: body, headTimeout: limits.courtesy) {
          response -> MCPError? in
          guard response.status >= 300 else { return nil }
          return try await MCPAnswer.refusal(&response, hasSession: false)
        }
        if let refusal { throw refusal }
        return .success(())
      } catch {
        return .failure(error)
      }
    }.value
    try result.get()
  }

  package func cancel(_ id: RequestID, notice: OutboundFrame?) {
    guard let notice else { return }
    state.withLock { state in
      guard !state.isClosed, let target = state.target else { return }
      state.notices[id] = Task { [self, request = state.requests[id]] in
        // A server does not know yet what it is to end if that comes first.
        await request?.value
        try? await post(notice, to: target)
        self.state.withLock { $0.notices[id] = nil }
      }
    }
  }

  package func listen(_ version: ProtocolVersion) {}

  package func close() async {
    let (reader, notices) = state.withLock { state in
      defer { state.reader = nil }
      state.isClosed = true
      state.target = nil
      return (state.reader, Array(state.notices.values))
    }
    // The end of the stream must not overtake them. They have a time limit of their own.
    for notice in notices { await notice.value }
    reader?.cancel()
  }

  /// Reads the stream to its end; says why it ended.
  private func follow(
    _ start: AsyncStream<Result<Void, MCPError>>.Continuation,
    _ deliver: @escaping @Sendable (TransportEvent) async -> Void
  ) async -> MCPError {
    do throws(MCPError) {
      return try await endpoint.exchange(
        .get, headers: [("accept", "text/event-stream")], headTimeout: limits.connect
      ) { [self] response -> MCPError in
        guard response.status == 200 else { return try await MCPAnswer.refusal(&response, hasSession: false) }
        guard MCPAnswer.isEventStream(response) else {
          return MCPError(.malformed, "The server's answer is no stream of events")
        }
        var reader = EventStreamReader()
        while let piece = try await response.next() {
          for event in try reader.feed(piece) {
            if let error = await take(event, start, deliver) { return error }
          }
        }
        return .closed
      }
    } catch {
      return error
    }
  }

  private func take(
    _ event: EventStreamReader.Event, _ start: AsyncStream<Result<Void, MCPError>>.Continuation,
    _ deliver: @Sendable (TransportEvent) async -> Void
  ) async -> MCPError? {
    switch event.name {
    case "endpoint":
      guard let target = endpoint.at(PlainText.trimmed(event.data)) else {
        return MCPError(.unreachable, "The server wants its messages sent to another origin, which is not followed")
      }
      state.withLock { state in if !state.isClosed { state.target = target } }
      start.yield(.success(()))
    case "message":
      do throws(JSONRPCMessage.Malformed) {
        for message in try JSONRPCMessage.decode(Array(event.data.utf8)) { await deliver(.message(message)) }
      } catch {
        await deliver(.remark("sent an event that is no message: \(error.reason)"))
      }
    default: break
    }
    return nil
  }
}
