import AtelierCore
import AtelierMCP
import AtelierTesting
import Foundation
import Glibc
import Logging
import Synchronization
import Testing

/// Programs of the shell in the place of servers.
@Suite(.serialized)
struct StdioTransportTests {
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private final class Events: Sendable {
    private let state = Mutex<[TransportEvent]>([])
    var all: [TransportEvent] { state.withLock { $0 } }
    func add(_ event: TransportEvent) { state.withLock { $0.append(event) } }
    var messages: [JSONRPCMessage] { all.compactMap { if case .message(let message) = $0 { message } else { nil } } }
    var closed: MCPError? { all.lazy.compactMap { if case .closed(let error) = $0 { error } else { nil } }.first }
  }

  private func open(
    _ script: String, environment: [String: Secret] = [:], own: [String: String] = ["PATH": "/usr/bin:/bin"],
    directory: String? = nil
  ) async throws -> (StdioTransport, Events) {
    let command = ServerCommand(
      command: "sh", arguments: ["-c", script], environment: environment, directory: directory)
    let transport = StdioTransport(command, environment: own, logger: logger)
    let events = Events()
    try await transport.open { events.add($0) }
    return (transport, events)
  }

  private func isAlive(_ pid: pid_t) -> Bool { kill(pid, 0) == 0 }

  private func number(_ events: Events, _ key: String) -> pid_t? {
    for case .notification(_, let params?) in events.messages {
      if let value = params[key]?.integerValue { return pid_t(value) }
    }
    return nil
  }

  @Test func linesGoInAndOut() async throws {
    let (transport, events) = try await open("echo banner; cat")
    for number in 1...3 {
      try await transport.send(
        OutboundFrame(.request(id: .integer(Int64(number)), method: "ping", params: nil), version: nil))
    }
    await eventually("all come back") { events.messages.count == 3 }
    #expect(events.messages.first == .request(id: .integer(1), method: "ping", params: nil))
    await transport.close()
    await eventually("it ends") { events.closed != nil }
    await #expect(throws: MCPError.self) {
      try await transport.send(OutboundFrame(.result(id: .integer(1), [:]), version: nil))
    }
  }

  @Test func theProgramSeesTheEntrysVariablesAndAlmostNoneOfOurs() async throws {
    let (transport, events) = try await open(
      #"printf '{"jsonrpc":"2.0","method":"m","params":{"env":"%s","cwd":"%s"}}\n' "$(env | sort | tr '\n' ',')" "$(pwd)"; cat"#,
      environment: ["TOKEN": Secret("t")],
      own: ["PATH": "/usr/bin:/bin", "HOME": "/home/x", "HF_TOKEN": "secret", "ATELIER_HOME": "/y"], directory: "/usr")
    await eventually("it says them") { !events.messages.isEmpty }
    guard case .notification(_, let params?)? = events.messages.first else {
      Issue.record("no message")
      return
    }
    let variables = Set((params["env"]?.stringValue ?? "").split(separator: ",").map(String.init))
    #expect(variables.isSuperset(of: ["HOME=/home/x", "PATH=/usr/bin:/bin", "TOKEN=t"]))
    #expect(!variables.contains { $0.hasPrefix("HF_TOKEN") || $0.hasPrefix("ATELIER") })
    #expect(params["cwd"] == "/usr")
    await transport.close()
  }

  @Test func whatTheProgramStartedEndsWithIt() async throws {
    let (transport, events) = try await open(
      #"sleep 300 & printf '{"jsonrpc":"2.0","method":"m","params":{"own":%d,"child":%d}}\n' $$ $!; cat"#)
    await eventually("it says who it is") { !events.messages.isEmpty }
    let (own, child) = (try #require(number(events, "own")), try #require(number(events, "child")))
    #expect(getpgid(own) == own && getpgid(child) == own && own != getpgrp())
    await transport.close()
    #expect(!isAlive(own))
    await eventually("the child is gone") { !isAlive(child) }
  }

  @Test func aProgramThatDiesSaysSo() async throws {
    let (transport, events) = try await open("exit 3")
    await eventually("it ends") { events.closed != nil }
    #expect(events.closed?.kind == .closed)
    await transport.close()
  }

  @Test func aLineThatIsTooLongEndsTheConnection() async throws {
    let (transport, events) = try await open("head -c 1100000 /dev/zero | tr '\\0' x; cat")
    await eventually("it ends") { events.closed != nil }
    #expect(events.closed?.kind == .tooLarge)
    await transport.close()
  }

  @Test func aProgramThatDoesNotExistCannotBeStarted() async throws {
    for name in ["no-such-program-here", "/etc/passwd", "/nowhere/x"] {
      let transport = StdioTransport(ServerCommand(command: name), environment: [:], logger: logger)
      do {
        try await transport.open { _ in }
        Issue.record("it started")
      } catch { #expect(error.kind == .cannotStart) }
    }
  }
}
