import AtelierCore
import Logging

/// One server: negotiates a revision, lists and calls tools, answers what the server asks. Any number of calls run at the
/// same time. `Conversation` and `EraNegotiation` decide; this carries out.
package actor MCPClient {
  private enum Ending: Sendable {
    case answered(Result<JSONObject, MCPError>)
    case timedOut
    case cancelled
    /// The answer is there, and another task says so.
    case settled
  }

  private struct Listed {
    var tools: [MCPTool]
    /// nil: until the server says that it changed.
    var expires: Duration?
  }

  private let transport: any MCPTransport
  private let identity: ClientIdentity
  private let limits: MCPLimits
  private let clock: any RuntimeClock
  private let logger: Logger

  private var conversation = Conversation()
  private var waiting: [RequestID: AsyncStream<Result<JSONObject, MCPError>>.Continuation] = [:]
  private var description: ServerDescription?
  private var listed: Listed?
  /// Grows with every announced change, so that a list fetched meanwhile is known to be old.
  private var changes = 0
  private var renewals = 0
  private var renewal: Task<Result<Void, MCPError>, Never>?
  private var subscription: Task<Void, Never>?
  private var isSubscribed = false
  private var repliesUnderWay = 0
  private var end: MCPError?
  private var mourners: [CheckedContinuation<Void, Never>] = []

  /// Answers to the server's own requests that may be under way; further requests are not answered.
  private static let mostReplies = 8
  /// A subscription that is refused or breaks at once is tried no further.
  private static let mostSubscriptions = 3
  private static let mostStates = 10

  /// The transport belongs to the client from now on.
  package init(
    _ transport: any MCPTransport, identity: ClientIdentity, limits: MCPLimits = MCPLimits(),
    clock: any RuntimeClock = SystemClock(), logger: Logger
  ) {
    self.transport = transport
    self.identity = identity
    self.limits = limits
    self.clock = clock
    self.logger = logger
  }

  // MARK: What others call

  /// Once, first. `era`: where negotiation begins. After it threw, the client is good for `close` only.
  package func connect(startingWith era: ProtocolVersion.Era = .stateless) async throws(MCPError) {
    try await transport.open { [weak self] event in await self?.take(event) }
    try await negotiate(startingWith: era)
  }

  /// What was negotiated; nil before.
  package var server: ServerDescription? { description }

  /// The server's tools. The list is kept until the server says that it changed and, with `honouringExpiry`, no longer
  /// than the server allows.
  package func tools(honouringExpiry: Bool = true) async throws(MCPError) -> [MCPTool] {
    if let listed, !honouringExpiry || listed.expires.map({ clock.now < $0 }) ?? true { return listed.tools }
    guard let description else { throw .closed }
    let seen = changes
    var list = ToolList(version: description.version, limits: limits)
    var cursor: String?
    repeat {
      let page: JSONObject
      do throws(MCPError) {
        page = try await request("tools/list", cursor.map { ["cursor": .string($0)] } ?? [:], timeout: limits.connect)
      } catch {
        // A server without tools need not know the method.
        guard case .rpc(let failure) = error.kind, failure.code == RPCFailure.methodNotFound, !description.hasTools
        else { throw error }
        return []
      }
      cursor = try list.add(page)
    } while cursor != nil
    for problem in list.problems { logger.warning("\(problem)") }
    if seen == changes {
      let lifetime = description.version.era == .stateless && !isSubscribed ? list.lifetime ?? .zero : nil
      listed = Listed(tools: list.tools, expires: lifetime.map { clock.now + $0 })
    }
    return list.tools
  }

  /// Calls a tool. `timeout` counts anew from every sign of progress; `longest` is all the call may take. Cancelling the
  /// task cancels the call at the server.
  package func call(
    _ name: String, arguments: JSONObject, timeout: Duration, longest: Duration
  ) async throws(MCPError) -> MCPToolResult {
    let tool = listed?.tools.first { $0.name == name }
    let headers = tool?.parameterHeaders?.headers(for: arguments) ?? []
    var params: JSONObject = ["name": .string(name), "arguments": .object(arguments)]
    let limit = clock.now + longest
    for round in 0..<Self.mostStates {
      let result = try await request(
        "tools/call", params, timeout: timeout, longest: limit - clock.now, headers: headers, reportsProgress: true)
      guard result["resultType"] == "input_required" else { return check(try MCPToolResult(result), of: tool) }
      // Only a state to come back with: the server wants to be asked again. Input we cannot give.
      guard result["inputRequests"]?.objectValue?.isEmpty ?? true, let state = result["requestState"] else {
        throw MCPError(.malformed, "The tool asks for input that this client cannot give")
      }
      params["requestState"] = state
      do { try await clock.sleep(until: clock.now + .milliseconds(min(50 << round, 250))) } catch { throw .cancelled }
    }
    throw MCPError(.malformed, "The tool asked \(Self.mostStates) times to be called again")
  }

  /// Throws when the server does not answer. Servers of the stateless era are asked what they are instead.
  package func ping() async throws(MCPError) {
    guard let description else { throw .closed }
    let method = description.version.era == .stateless ? "server/discover" : "ping"
    _ = try await request(method, nil, timeout: limits.courtesy)
  }

  /// Ends the connection and every call on it. May be called twice.
  package func close() async {
    subscription?.cancel()
    finish(.closed)
    await transport.close()
  }

  /// Returns when the connection has ended for whatever reason.
  package func waitUntilGone() async {
    guard end == nil else { return }
    await withCheckedContinuation { mourners.append($0) }
  }

  /// Why the connection is of no more use; nil while it is.
  package var failure: MCPError? { end }

  // MARK: Negotiation

  private func negotiate(startingWith era: ProtocolVersion.Era) async throws(MCPError) {
    var negotiation = EraNegotiation(startingWith: era)
    var step = negotiation.first
    while true {
      switch step {
      case .discover(let version):
        do throws(MCPError) {
          let result = try await exchange("server/discover", nil, version: version, timeout: limits.probe)
          step = negotiation.answered(result)
        } catch { step = negotiation.refused(error) }
      case .initialize(let version):
        let params: JSONObject = [
          "protocolVersion": .string(version.rawValue), "capabilities": .object([:]), "clientInfo": identity.json,
        ]
        do throws(MCPError) {
          let result = try await exchange("initialize", params, version: nil, timeout: limits.connect)
          step = negotiation.answered(result)
        } catch { step = negotiation.refused(error) }
      case .settled(let settled): return try await adopt(settled)
      case .failed(let error): throw error
      }
    }
  }

  private func adopt(_ settled: ServerDescription) async throws(MCPError) {
    description = settled
    logger.debug(
      "speaks MCP \(settled.version.rawValue)",
      metadata: ["name": "\(settled.name ?? "")", "version": "\(settled.serverVersion ?? "")"])
    if settled.version.era == .handshake {
      try await transport.send(
        OutboundFrame(.notification(method: "notifications/initialized", params: nil), version: settled.version))
    }
    guard settled.announcesToolChanges else { return }
    switch settled.version.era {
    case .handshake: transport.listen(settled.version)
    case .stateless:
      subscription?.cancel()
      subscription = Task { [weak self] in await self?.followChanges(settled.version) }
    }
  }

  /// A server that lost the session gets a new handshake, once for all calls that noticed. `seen`: renewals when the call
  /// began.
  private func renew(after seen: Int) async throws(MCPError) {
    guard renewals == seen else { return }
    if renewal == nil {
      renewal = Task {
        defer {
          renewals += 1
          renewal = nil
          changes += 1
          listed = nil
        }
        do throws(MCPError) {
          try await negotiate(startingWith: .handshake)
          return .success(())
        } catch {
          return .failure(error)
        }
      }
    }
    guard let result = await renewal?.value else { return }
    try result.get()
  }

  private func followChanges(_ version: ProtocolVersion) async {
    var failures = 0
    while !Task.isCancelled, end == nil, failures < Self.mostSubscriptions {
      _ = try? await exchange(
        "subscriptions/listen", ["notifications": ["toolsListChanged": true]], version: version, timeout: nil)
      failures = isSubscribed ? 0 : failures + 1
      // What changed while nobody listened is unknown.
      isSubscribed = false
      changes += 1
      listed = nil
      do { try await clock.sleep(until: clock.now + .seconds(1)) } catch { return }
    }
  }

  // MARK: Requests

  private func request(
    _ method: String, _ params: JSONObject?, timeout: Duration, longest: Duration? = nil,
    headers: [(name: String, value: String)] = [], reportsProgress: Bool = false
  ) async throws(MCPError) -> JSONObject {
    guard let version = description?.version else { throw .closed }
    let seen = renewals
    do throws(MCPError) {
      return try await exchange(
        method, params, version: version, timeout: timeout, longest: longest, headers: headers,
        reportsProgress: reportsProgress)
    } catch {
      guard error.kind == .sessionLost else { throw error }
      try await renew(after: seen)
      return try await exchange(
        method, params, version: description?.version ?? version, timeout: timeout, longest: longest, headers: headers,
        reportsProgress: reportsProgress)
    }
  }

  private func exchange(
    _ method: String, _ params: JSONObject?, version: ProtocolVersion?, timeout: Duration?, longest: Duration? = nil,
    headers: [(name: String, value: String)] = [], reportsProgress: Bool = false
  ) async throws(MCPError) -> JSONObject {
    if let end { throw end }
    guard conversation.outstanding < MCPLimits.outstanding else { throw .busy }
    let id = conversation.open(timeout: timeout, longest: longest ?? timeout ?? .zero, now: clock.now)
    let (answers, answer) = AsyncStream.makeStream(
      of: Result<JSONObject, MCPError>.self, bufferingPolicy: .bufferingOldest(1))
    waiting[id] = answer
    defer {
      waiting[id] = nil
      answer.finish()
      conversation.close(id)
    }
    var params = params
    if reportsProgress { params = Self.reportingProgress(params, of: id) }
    if let version, version.era == .stateless {
      params = StatelessEnvelope.stamped(params, version: version, client: identity)
    }
    try await transport.send(
      OutboundFrame(.request(id: id, method: method, params: params), version: version, headers: headers))
    let hasLimit = timeout != nil
    let ending = await withTaskGroup(of: Ending.self) { group in
      group.addTask {
        for await answer in answers { return .answered(answer) }
        return .cancelled
      }
      if hasLimit { group.addTask { await self.watch(id) } }
      defer { group.cancelAll() }
      for await ending in group { if case .settled = ending { continue } else { return ending } }
      return .cancelled
    }
    switch ending {
    case .answered(let result): return try result.get()
    case .timedOut:
      abandon(id, method, version, reason: "timed out")
      throw .timedOut
    case .cancelled, .settled:
      abandon(id, method, version, reason: "no longer wanted")
      throw .cancelled
    }
  }

  /// Returns at the deadline, wherever progress moves it to.
  private func watch(_ id: RequestID) async -> Ending {
    while let deadline = conversation.deadline(of: id) {
      if deadline <= clock.now { return .timedOut }
      do { try await clock.sleep(until: deadline) } catch { return .cancelled }
    }
    return .settled
  }

  /// The requests of negotiation must not be cancelled: they are only no longer waited for.
  private func abandon(_ id: RequestID, _ method: String, _ version: ProtocolVersion?, reason: String) {
    var notice: OutboundFrame?
    if method != "initialize", method != "server/discover" {
      notice = OutboundFrame(
        .notification(method: "notifications/cancelled", params: ["requestId": id.json, "reason": .string(reason)]),
        version: version)
    }
    transport.cancel(id, notice: notice)
  }

  private static func reportingProgress(_ params: JSONObject?, of id: RequestID) -> JSONObject {
    var params = params ?? [:]
    var meta = params["_meta"]?.objectValue ?? [:]
    meta["progressToken"] = id.json
    params["_meta"] = .object(meta)
    return params
  }

  /// A result that breaks its own schema is the server's fault, and the model can often use it all the same.
  private func check(_ result: MCPToolResult, of tool: MCPTool?) -> MCPToolResult {
    if let schema = tool?.outputSchema, !result.isError {
      let problem = result.structured.map { SchemaCheck.violation(of: $0, against: schema) } ?? "it is missing"
      if let problem { logger.warning("structured result of '\(tool?.name ?? "")' breaks its schema: \(problem)") }
    }
    return result
  }

  // MARK: What comes in

  private func take(_ event: TransportEvent) {
    switch event {
    case .message(let message):
      for effect in conversation.receive(message, now: clock.now) { carryOut(effect) }
    case .failed(let id, let error):
      conversation.close(id)
      waiting[id]?.yield(.failure(error))
    case .closed(let error): finish(error)
    case .remark(let text): logger.debug("\(PlainText.line(text, limit: 500))")
    }
  }

  private func carryOut(_ effect: Conversation.Effect) {
    switch effect {
    case .answer(let id, let result): waiting[id]?.yield(result)
    case .reply(let message): reply(message)
    case .toolsChanged:
      changes += 1
      listed = nil
    case .subscribed: isSubscribed = true
    case .log(let level, let text): logger.debug("\(PlainText.line("[\(level)] \(text)", limit: 1024))")
    }
  }

  private func reply(_ message: JSONRPCMessage) {
    guard repliesUnderWay < Self.mostReplies else { return }
    repliesUnderWay += 1
    let frame = OutboundFrame(message, version: description?.version)
    // Not awaited: the stream that the question came on reads on meanwhile.
    Task {
      try? await transport.send(frame)
      repliesUnderWay -= 1
    }
  }

  private func finish(_ error: MCPError) {
    guard end == nil else { return }
    end = error
    for answer in waiting.values { answer.yield(.failure(error)) }
    for mourner in mourners { mourner.resume() }
    mourners = []
  }
}
