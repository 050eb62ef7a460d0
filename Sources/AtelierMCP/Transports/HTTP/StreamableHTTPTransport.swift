import AtelierCore
import AtelierEgress
import Synchronization

/// Streamable HTTP (2025-03-26 and later): every message is a POST, whose answer is JSON or a stream of events. In the
/// handshake era the server may give a session, and a stream of its own for what it says unasked.
package final class StreamableHTTPTransport: MCPTransport {
  private typealias Deliver = @Sendable (TransportEvent) async -> Void

  private struct State {
    var deliver: Deliver?
    var session: String?
    var version: ProtocolVersion?
    var requests: [RequestID: Task<Void, Never>] = [:]
    /// Cancellations on their way to the server.
    var notices: [RequestID: Task<Void, Never>] = [:]
    var listener: Task<Void, Never>?
    var isClosed = false
  }

  private enum Outcome: Sendable {
    case done
    case broken(lastEventID: String?, retry: Duration?)
    case failed(MCPError)
  }

  private let endpoint: MCPEndpoint
  private let limits: MCPLimits
  private let clock: any RuntimeClock
  private let state = Mutex(State())

  /// Attempts to go on with a broken stream that bring nothing.
  private static let mostAttempts = 2
  private static let usualRetry = Duration.seconds(1)
  private static let longestRetry = Duration.seconds(10)
  private static let sessionHeader = "mcp-session-id"

  package init(_ endpoint: MCPEndpoint, limits: MCPLimits = MCPLimits(), clock: any RuntimeClock = SystemClock()) {
    self.endpoint = endpoint
    self.limits = limits
    self.clock = clock
  }

  package func open(_ deliver: @escaping @Sendable (TransportEvent) async -> Void) async throws(MCPError) {
    state.withLock { $0.deliver = deliver }
  }

  package func send(_ frame: OutboundFrame) async throws(MCPError) {
    guard case .request(let id, let method, _) = frame.message else { return try await notify(frame) }
    // The task begins under the lock and ends by taking it, so it is in the table for as long as it runs.
    let refusal = state.withLock { state -> MCPError? in
      guard !state.isClosed, let deliver = state.deliver else { return .closed }
      guard state.requests.count < MCPLimits.outstanding else { return .busy }
      if method == "initialize" { state.session = nil }
      state.requests[id] = Task { [self] in
        await run(id, frame, deliver)
        self.state.withLock { $0.requests[id] = nil }
      }
      return nil
    }
    if let refusal { throw refusal }
  }

  package func cancel(_ id: RequestID, notice: OutboundFrame?) {
    state.withLock { $0.requests[id] }?.cancel()
    guard let notice, notice.version?.era != .stateless else { return }
    // Written now: the session may be given back right after, and without its name the notice means nothing.
    let headers = headers(for: notice)
    state.withLock { state in
      guard !state.isClosed else { return }
      state.notices[id] = Task { [self] in
        try? await notify(notice, headers)
        self.state.withLock { $0.notices[id] = nil }
      }
    }
  }

  package func listen(_ version: ProtocolVersion) {
    guard version.era == .handshake else { return }
    state.withLock { state in
      guard !state.isClosed, let deliver = state.deliver else { return }
      // That of a session that was lost says nothing any more.
      state.listener?.cancel()
      state.version = version
      state.listener = Task { [self] in await followServer(deliver) }
    }
  }

  package func close() async {
    let (tasks, notices, session) = state.withLock { state in
      defer {
        state.isClosed = true
        state.session = nil
        state.listener = nil
      }
      return (
        Array(state.requests.values) + (state.listener.map { [$0] } ?? []), Array(state.notices.values), state.session
      )
    }
    for task in tasks { task.cancel() }
    // The end of the session must not overtake them. They have a time limit of their own.
    for notice in notices { await notice.value }
    guard let session else { return }
    let headers = headers(session: session, version: state.withLock(\.version))
    // Its own task: whoever closes may have been cancelled.
    await Task { [endpoint, limits] in
      _ = try? await endpoint.exchange(.delete, headers: headers, headTimeout: limits.courtesy) { $0.status }
    }.value
  }

  // MARK: One message

  private func notify(_ frame: OutboundFrame) async throws(MCPError) { try await notify(frame, headers(for: frame)) }

  private func notify(
    _ frame: OutboundFrame, _ headers: [(name: String, value: String)]
  ) async throws(MCPError) {
    let body = frame.message.encoded
    let result = await Task { [endpoint, limits] () -> Result<Void, MCPError> in
      do throws(MCPError) {
        let status = try await endpoint.exchange(
          .post, headers: headers, body: body, headTimeout: limits.courtesy
        ) { $0.status }
        guard status < 300 else {
          throw MCPError(.http(status: status), "The server answers a notification with HTTP status \(status)")
        }
        return .success(())
      } catch {
        return .failure(error)
      }
    }.value
    try result.get()
  }

  private func run(_ id: RequestID, _ frame: OutboundFrame, _ deliver: @escaping Deliver) async {
    var outcome = await post(id, frame, deliver)
    var attempts = 0
    var place: String?
    while case .broken(let lastEventID, let retry) = outcome {
      guard let lastEventID else {
        outcome = .failed(MCPError(.closed, "The server ended the connection without an answer"))
        break
      }
      attempts = lastEventID == place ? attempts + 1 : 1
      place = lastEventID
      guard attempts <= Self.mostAttempts else {
        outcome = .failed(MCPError(.closed, "The connection to the server broke and could not be resumed"))
        break
      }
      guard await pause(retry) else { return }
      outcome = await resume(id, from: lastEventID, retry, deliver)
    }
    if case .failed(let error) = outcome { await deliver(.failed(id, error)) }
  }

  private func post(_ id: RequestID, _ frame: OutboundFrame, _ deliver: @escaping Deliver) async -> Outcome {
    let isInitialize = if case .request(_, "initialize", _) = frame.message { true } else { false }
    let hasSession = state.withLock { $0.session != nil }
    do throws(MCPError) {
      return try await endpoint.exchange(
        .post, headers: headers(for: frame), body: frame.message.encoded, headTimeout: limits.longestCall
      ) { [self] response in
        guard (200..<300).contains(response.status) else {
          return .failed(try await MCPAnswer.refusal(&response, hasSession: hasSession))
        }
        if isInitialize { keepSession(response) }
        if MCPAnswer.isEventStream(response) {
          return Self.outcome(try await MCPAnswer.read(&response, for: id, deliver))
        }
        guard MCPAnswer.isJSON(response), response.status == 200 else {
          return .failed(MCPError(.malformed, "The server's answer is neither JSON nor a stream of events"))
        }
        return await Self.pass(try await MCPAnswer.body(of: &response), for: id, deliver)
      }
    } catch {
      return .failed(error)
    }
  }

  private static func pass(_ body: [UInt8], for id: RequestID, _ deliver: Deliver) async -> Outcome {
    let messages: [JSONRPCMessage]
    do { messages = try JSONRPCMessage.decode(body) } catch {
      return .failed(MCPError(.malformed, "The server's answer is malformed: \(error.reason)"))
    }
    var isAnswered = false
    for message in messages {
      if message.isAnswer { isAnswered = true }
      await deliver(.message(message.answering(id)))
    }
    return isAnswered ? .done : .failed(MCPError(.malformed, "The server's answer holds no answer"))
  }

  private func resume(
    _ id: RequestID, from lastEventID: String, _ retry: Duration?, _ deliver: @escaping Deliver
  ) async -> Outcome {
    let (session, version) = state.withLock { ($0.session, $0.version) }
    let headers = headers(session: session, version: version) + [("last-event-id", lastEventID)]
    do throws(MCPError) {
      return try await endpoint.exchange(.get, headers: headers, headTimeout: limits.longestCall) { response in
        guard response.status == 200, MCPAnswer.isEventStream(response) else {
          return .failed(try await MCPAnswer.refusal(&response, hasSession: session != nil))
        }
        let end = try await MCPAnswer.read(&response, for: id, deliver)
        if case .broken(nil, let newRetry) = end { return .broken(lastEventID: lastEventID, retry: newRetry ?? retry) }
        return Self.outcome(end)
      }
    } catch {
      // No connection may be for a moment only.
      return error.kind == .unreachable ? .broken(lastEventID: lastEventID, retry: retry) : .failed(error)
    }
  }

  private static func outcome(_ end: MCPAnswer.StreamEnd) -> Outcome {
    switch end {
    case .answered: .done
    case .broken(let lastEventID, let retry): .broken(lastEventID: lastEventID, retry: retry)
    }
  }

  // MARK: The server's own stream

  private func followServer(_ deliver: @escaping Deliver) async {
    var failures = 0
    var place: String?
    var retry: Duration?
    while failures < Self.mostAttempts, !Task.isCancelled {
      let (session, version) = state.withLock { ($0.session, $0.version) }
      var headers = headers(session: session, version: version)
      if let place { headers.append(("last-event-id", place)) }
      do throws(MCPError) {
        let end = try await endpoint.exchange(.get, headers: headers, headTimeout: limits.longestCall) {
          response -> MCPAnswer.StreamEnd? in
          guard response.status == 200, MCPAnswer.isEventStream(response) else { return nil }
          return try await MCPAnswer.read(&response, for: nil, deliver)
        }
        // The server has no such stream.
        guard case .broken(let lastEventID, let newRetry)? = end else { return }
        place = lastEventID ?? place
        retry = newRetry ?? retry
        failures = 0
      } catch {
        failures += 1
      }
      guard await pause(retry) else { return }
    }
  }

  /// False when the task was cancelled meanwhile.
  private func pause(_ retry: Duration?) async -> Bool {
    let length = min(retry ?? Self.usualRetry, Self.longestRetry)
    do { try await clock.sleep(until: clock.now + length) } catch { return false }
    return true
  }

  // MARK: Headers

  private func keepSession(_ response: OutboundResponse) {
    guard let session = response.header(Self.sessionHeader), !session.isEmpty, session.utf8.count <= 1024 else {
      return
    }
    state.withLock { $0.session = session }
  }

  private func headers(for frame: OutboundFrame) -> [(name: String, value: String)] {
    let session = state.withLock { state in
      if let version = frame.version { state.version = version }
      return state.session
    }
    var headers = headers(session: session, version: frame.version)
    guard frame.version?.era == .stateless else { return headers }
    guard case .request(_, let method, let params) = frame.message else { return headers }
    headers.append(("mcp-method", method))
    if method == "tools/call", let name = params?["name"]?.stringValue {
      headers.append(("mcp-name", HeaderText.encode(name)))
    }
    return headers + frame.headers
  }

  private func headers(session: String?, version: ProtocolVersion?) -> [(name: String, value: String)] {
    var headers = [
      (name: "accept", value: "application/json, text/event-stream"), (name: "content-type", value: "application/json"),
    ]
    if let session { headers.append((Self.sessionHeader, session)) }
    if let version { headers.append(("mcp-protocol-version", version.rawValue)) }
    return headers
  }
}
