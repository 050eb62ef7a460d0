import AtelierCore
import Logging

/// The servers of mcp.json: started on first use, shared by all requests, stopped when idle, started again after a crash
/// but not at once. The file is looked at whenever a server is wanted, and now and then. `PluginTable` decides.
package actor PluginManager {
  /// A running server that a request uses.
  package struct Lease: Sendable {
    package let client: MCPClient
    package let entry: MCPServerEntry
    fileprivate let connection: UInt64
  }

  private struct Connection {
    var client: MCPClient
    var entry: MCPServerEntry
    var number: UInt64
  }

  private typealias Waiter = AsyncStream<Result<Void, MCPError>>.Continuation

  private let file: MCPConfigurationFile
  private let connector: MCPConnector
  private let clock: any RuntimeClock
  private let logger: Logger

  private var table: PluginTable
  private var stamp: MCPConfigurationFile.Stamp?
  private var connections: [String: Connection] = [:]
  private var waiters: [String: [Waiter]] = [:]
  /// What a server turned out to speak, so that a restart asks no needless question.
  private var eras: [String: (entry: MCPServerEntry, era: ProtocolVersion.Era)] = [:]
  private var lastNumber: UInt64 = 0
  private var isShutDown = false

  private static let sweepInterval = Duration.seconds(5)

  package init(file: MCPConfigurationFile, connector: MCPConnector, idleLimit: Duration, logger: Logger) {
    self.file = file
    self.connector = connector
    self.logger = logger
    clock = connector.clock
    table = PluginTable(idleLimit: idleLimit)
  }

  /// The label an id of a request (`mcp/<label>`) means; nil when there is no such server.
  package func label(of id: String) -> String? {
    reload()
    return PluginID.label(of: id, among: table.labels)
  }

  /// Starts the server if it does not run. Throws why it cannot be used.
  package func lease(_ label: String) async throws(MCPError) -> Lease {
    reload()
    guard !isShutDown else { throw .closed }
    switch table.acquire(label, now: clock.now) {
    case .use:
      if let connection = connections[label] { return lease(of: connection) }
      throw .closed
    case .unknown: throw MCPError(.cannotStart, "It is not in mcp.json")
    case .backOff(let seconds):
      throw MCPError(.cannotStart, "It failed lately and is not started again for \(seconds) seconds")
    case .start(let entry):
      // Not the request's own work: others wait for it too, and it goes on if this one leaves.
      Task { await start(entry) }
    case .wait: break
    }
    let (results, waiter) = AsyncStream.makeStream(
      of: Result<Void, MCPError>.self, bufferingPolicy: .bufferingOldest(1))
    waiters[label, default: []].append(waiter)
    for await result in results {
      try result.get()
      guard let connection = connections[label] else { throw .closed }
      table.retain(label)
      return lease(of: connection)
    }
    throw .cancelled
  }

  package func release(_ lease: Lease) {
    let label = lease.entry.label
    if connections[label]?.number == lease.connection { table.release(label, now: clock.now) }
  }

  /// Ends idle servers until the task is cancelled.
  package func run() async {
    while true {
      do { try await clock.sleep(until: clock.now + Self.sweepInterval) } catch { return }
      sweep()
    }
  }

  /// Ends all servers; returns when they are gone. Nothing is started afterwards.
  package func shutdown() async {
    isShutDown = true
    let clients = connections.values.map(\.client)
    connections = [:]
    await withDiscardingTaskGroup { group in
      for client in clients { group.addTask { await client.close() } }
    }
  }

  // MARK: The file

  private func reload() {
    let now = file.stamp
    guard now != stamp else { return }
    stamp = now
    do throws(MCPConfiguration.Unreadable) {
      let configuration = try file.read()
      for problem in configuration.problems {
        logger.warning("mcp.json: server '\(PlainText.line(problem.label, limit: 128))' is left out: \(problem.reason)")
      }
      table.update(configuration.entries)
    } catch {
      // What ran goes on: somebody is in the middle of editing.
      logger.warning("mcp.json: \(error.description); the servers known before are kept")
    }
  }

  // MARK: Life of a server

  private func start(_ entry: MCPServerEntry) async {
    let known = eras[entry.label].flatMap { $0.entry == entry ? $0.era : nil }
    let result: Result<MCPClient, MCPError>
    do throws(MCPError) {
      result = .success(try await connector.connect(to: entry, startingWith: known ?? .stateless))
    } catch { result = .failure(error) }
    switch result {
    case .success(let client):
      guard !isShutDown else {
        await client.close()
        answer(entry.label, .failure(.closed))
        return
      }
      if let era = await client.server?.version.era { eras[entry.label] = (entry, era) }
      lastNumber += 1
      connections[entry.label] = Connection(client: client, entry: entry, number: lastNumber)
      table.started(entry, now: clock.now)
      watch(client, entry.label, lastNumber)
      logger.info("Server '\(entry.label)' of mcp.json runs")
      answer(entry.label, .success(()))
    case .failure(let error):
      table.failedToStart(entry.label, now: clock.now)
      eras[entry.label] = nil
      logger.warning("Server '\(entry.label)' of mcp.json cannot be used: \(error.description)")
      answer(entry.label, .failure(error))
    }
  }

  private func answer(_ label: String, _ result: Result<Void, MCPError>) {
    for waiter in waiters.removeValue(forKey: label) ?? [] {
      waiter.yield(result)
      waiter.finish()
    }
  }

  private func watch(_ client: MCPClient, _ label: String, _ number: UInt64) {
    Task {
      await client.waitUntilGone()
      guard connections[label]?.number == number else { return }
      connections[label] = nil
      table.died(label, now: clock.now)
      logger.warning("Server '\(label)' of mcp.json ended by itself")
      await client.close()
    }
  }

  private func sweep() {
    reload()
    for label in table.sweep(now: clock.now) {
      guard let connection = connections.removeValue(forKey: label) else { continue }
      logger.info("Server '\(label)' of mcp.json is stopped: nobody uses it")
      Task { await connection.client.close() }
    }
  }

  private func lease(of connection: Connection) -> Lease {
    Lease(client: connection.client, entry: connection.entry, connection: connection.number)
  }
}
