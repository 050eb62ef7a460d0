import AtelierCore

/// Which servers of mcp.json run, for how many requests, and when one may be started or has to stop. Pure; time is passed in.
struct PluginTable: Sendable {
  enum Acquisition: Sendable, Hashable {
    /// It runs, and one request more uses it.
    case use
    case start(MCPServerEntry)
    /// Somebody starts it already.
    case wait
    /// It failed lately.
    case backOff(seconds: Int)
    case unknown
  }

  private enum Phase: Sendable {
    case stopped
    case starting
    case running(MCPServerEntry, since: Duration)
  }

  private struct Plugin: Sendable {
    /// nil: no longer in the file.
    var entry: MCPServerEntry?
    var phase = Phase.stopped
    var leases = 0
    var idleSince = Duration.zero
    /// In a row.
    var failures = 0
    var notBefore = Duration.zero

    var isOutdated: Bool { if case .running(let running, _) = phase { running != entry } else { false } }
    var isRunning: Bool { if case .running = phase { true } else { false } }
  }

  private var plugins: [String: Plugin] = [:]
  private let idleLimit: Duration

  private static let firstDelay = Duration.seconds(1)
  private static let longestDelay = Duration.seconds(60)
  /// A server that ran for so long has recovered.
  private static let health = Duration.seconds(60)

  init(idleLimit: Duration) { self.idleLimit = idleLimit }

  /// Labels that may be used.
  var labels: [String] {
    plugins.filter { $0.value.entry.map { !$0.isDisabled } ?? false }.keys.sorted()
  }

  func entry(_ label: String) -> MCPServerEntry? { plugins[label]?.entry }

  /// The file has changed. A change of an entry forgives its failures.
  mutating func update(_ entries: [MCPServerEntry]) {
    let wanted = Dictionary(entries.map { ($0.label, $0) }, uniquingKeysWith: { $1 })
    for label in plugins.keys where wanted[label] == nil { plugins[label]?.entry = nil }
    for (label, entry) in wanted where plugins[label]?.entry != entry {
      plugins[label, default: Plugin()].entry = entry
      plugins[label]?.failures = 0
      plugins[label]?.notBefore = .zero
    }
    plugins = plugins.filter { label, plugin in
      if case .stopped = plugin.phase { return plugin.entry != nil }
      return true
    }
  }

  mutating func acquire(_ label: String, now: Duration) -> Acquisition {
    guard let plugin = plugins[label], let entry = plugin.entry, !entry.isDisabled else { return .unknown }
    switch plugin.phase {
    case .running:
      plugins[label]?.leases += 1
      return .use
    case .starting: return .wait
    case .stopped:
      guard now >= plugin.notBefore else {
        return .backOff(seconds: Int((plugin.notBefore - now).inSeconds.rounded(.up)))
      }
      plugins[label]?.phase = .starting
      return .start(entry)
    }
  }

  mutating func started(_ entry: MCPServerEntry, now: Duration) {
    plugins[entry.label]?.phase = .running(entry, since: now)
    plugins[entry.label]?.leases = 0
    plugins[entry.label]?.idleSince = now
  }

  mutating func failedToStart(_ label: String, now: Duration) {
    plugins[label]?.phase = .stopped
    fail(label, now)
  }

  /// One of those who waited for the start uses it.
  mutating func retain(_ label: String) { plugins[label]?.leases += 1 }

  /// Of the connection that runs now.
  mutating func release(_ label: String, now: Duration) {
    guard let plugin = plugins[label], plugin.isRunning, plugin.leases > 0 else { return }
    plugins[label]?.leases -= 1
    if plugin.leases == 1 { plugins[label]?.idleSince = now }
  }

  /// The connection ended by itself.
  mutating func died(_ label: String, now: Duration) {
    guard let plugin = plugins[label], case .running(_, let since) = plugin.phase else { return }
    plugins[label]?.phase = .stopped
    plugins[label]?.leases = 0
    if now - since >= Self.health { plugins[label]?.failures = 0 }
    fail(label, now)
  }

  /// Connections to end now, because nobody uses them: they were idle for long, or their entry changed. They count as
  /// stopped from here on.
  mutating func sweep(now: Duration) -> [String] {
    let due = plugins.filter { label, plugin in
      plugin.isRunning && plugin.leases == 0 && (plugin.isOutdated || now - plugin.idleSince >= idleLimit)
    }.keys.sorted()
    for label in due {
      plugins[label]?.phase = .stopped
      plugins[label]?.failures = 0
      if plugins[label]?.entry == nil { plugins[label] = nil }
    }
    return due
  }

  private mutating func fail(_ label: String, _ now: Duration) {
    guard let failures = plugins[label]?.failures else { return }
    let delay = min(Self.firstDelay * (1 << min(failures, 10)), Self.longestDelay)
    plugins[label]?.failures = failures + 1
    plugins[label]?.notBefore = now + delay
  }
}
