import AtelierCore
import Logging
import Synchronization

/// A connected server as the tool loop sees it: the tools the request allows, and calls that always have an outcome.
final class MCPToolProvider: ToolProvider {
  let info: ToolProviderInfo
  let label: String
  private let client: MCPClient
  /// nil: all.
  private let allowed: Set<String>?
  private let timeout: Duration
  private let limits: MCPLimits
  private let clock: any RuntimeClock
  private let logger: Logger
  private let end: @Sendable () async -> Void
  private let state = Mutex((isListed: false, isClosed: false))

  /// `timeout`: of a call without progress. `end`: gives the connection back.
  init(
    _ info: ToolProviderInfo, label: String, client: MCPClient, allowed: [String]?, timeout: Duration,
    limits: MCPLimits, clock: any RuntimeClock, logger: Logger, end: @escaping @Sendable () async -> Void
  ) {
    self.info = info
    self.label = label
    self.client = client
    self.allowed = allowed.map { Set($0) }
    self.timeout = timeout
    self.limits = limits
    self.clock = clock
    self.logger = logger
    self.end = end
  }

  deinit {
    guard !state.withLock(\.isClosed) else { return }
    Task { [end] in await end() }
  }

  func tools() async throws(AtelierError) -> [OfferedTool] {
    // The server's own time limit on the list counts between requests, not in the middle of one.
    let isFirst = state.withLock { state in
      defer { state.isListed = true }
      return !state.isListed
    }
    let all: [MCPTool]
    do throws(MCPError) { all = try await client.tools(honouringExpiry: isFirst) } catch {
      throw MCPToolSource.failure(error, of: info)
    }
    let tools = all.filter { allowed?.contains($0.name) ?? true }
    guard tools.count <= limits.tools else {
      throw MCPToolSource.failure(
        MCPError(.tooLarge, "It offers \(tools.count) tools, more than \(limits.tools); choose with 'allowed_tools'"),
        of: info)
    }
    return tools.map(\.offer)
  }

  func call(_ tool: String, arguments: JSONObject, limit: Duration) async -> ToolOutcome {
    guard allowed?.contains(tool) ?? true else {
      return .failure("Tool '\(PlainText.line(tool, limit: 64))' is not allowed in this request.")
    }
    let begun = clock.now
    let outcome: ToolOutcome
    let word: String
    do throws(MCPError) {
      let result = try await client.call(
        tool, arguments: arguments, timeout: timeout, longest: min(limit, limits.longestCall))
      outcome = ToolOutcome(output: result.output(), isError: result.isError)
      word = result.isError ? "error" : "done"
    } catch {
      outcome = .failure(error.description)
      word = error.kind == .cancelled ? "cancelled" : "failed: \(error.description)"
    }
    logger.info(
      "Tool call: \(word)",
      metadata: [
        "server": "\(label)", "tool": "\(PlainText.line(tool, limit: 64))",
        "seconds": "\(((clock.now - begun).inSeconds * 1000).rounded() / 1000)",
      ])
    return outcome
  }

  func close() async {
    let first = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    if first { await end() }
  }
}
