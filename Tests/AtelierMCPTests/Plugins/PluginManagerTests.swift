import AtelierCore
import AtelierEgress
import AtelierMCP
import AtelierTesting
import Foundation
import Glibc
import Logging
import Testing

/// Servers of mcp.json as requests see them: programs of the shell, and a clock turned by hand.
@Suite(.serialized)
struct PluginManagerTests {
  private static let idleLimit = Duration.seconds(600)

  /// Tells its process id, and ends when it is asked to.
  private static let script = #"""
    while read -r line; do
      id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
      case "$line" in
        *'"initialize"'*) answer='"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}';;
        *'"tools/list"'*) answer='"result":{"tools":[{"name":"pid","inputSchema":{"type":"object"}},{"name":"die","inputSchema":{"type":"object"}}]}';;
        *'"name":"die"'*) exit 3;;
        *'"tools/call"'*) answer='"result":{"content":[{"type":"text","text":"'$$'"}]}';;
        *) answer='"error":{"code":-32601,"message":"unknown"}';;
      esac
      if [ -n "$id" ]; then printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$id" "$answer"; fi
    done
    """#

  private struct Fixture {
    let clock = TestClock()
    let file: MCPConfigurationFile
    let manager: PluginManager
    let source: MCPToolSource

    init() throws {
      let folder = FileManager.default.temporaryDirectory.appending(path: "atelier-plugins-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      file = MCPConfigurationFile(folder.appending(path: "mcp.json"))
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let connector = MCPConnector(
        egress: Egress(policy: AddressPolicy()), identity: ClientIdentity(version: "1"), clock: clock,
        environment: ["PATH": "/usr/bin:/bin"], logger: logger)
      manager = PluginManager(file: file, connector: connector, idleLimit: PluginManagerTests.idleLimit, logger: logger)
      source = MCPToolSource(plugins: manager, connector: connector, allowsPrivateAddresses: false, logger: logger)
      try file.set("My_Files", to: PluginManagerTests.entry(PluginManagerTests.script))
    }

    func connect(_ id: String = "mcp/my-files", allowed: [String]? = nil) async throws(AtelierError) -> any ToolProvider
    {
      try await source.connect(.plugin(id: id, allowedTools: allowed))
    }

    func end() async {
      await manager.shutdown()
      try? FileManager.default.removeItem(at: file.url.deletingLastPathComponent())
    }
  }

  private static func entry(_ script: String) -> JSONValue {
    ["command": "sh", "args": ["-c", .string(script)]]
  }

  private func pid(_ provider: any ToolProvider) async throws -> pid_t {
    let outcome = await provider.call("pid", arguments: [:], limit: .seconds(60))
    let text = try JSONValue(parsing: outcome.output).arrayValue?.first?["text"]?.stringValue
    return try #require(text.flatMap(pid_t.init))
  }

  private func isAlive(_ pid: pid_t) -> Bool { kill(pid, 0) == 0 }

  private func refusal(_ body: () async throws(AtelierError) -> Void) async -> AtelierError? {
    do throws(AtelierError) {
      try await body()
      return nil
    } catch { return error }
  }

  @Test func aProgramIsSharedAndStoppedWhenNobodyUsesIt() async throws {
    let fixture = try Fixture()
    let sweeping = Task { await fixture.manager.run() }
    let one = try await fixture.connect()
    let two = try await fixture.connect("mcp/My_Files")
    #expect(one.info == .plugin(id: "mcp/my-files") && two.info == .plugin(id: "mcp/My_Files"))
    #expect(one.label == "My_Files")
    let program = try await pid(one)
    #expect(try await pid(two) == program)
    await one.close()
    fixture.clock.advance(by: Self.idleLimit * 2)
    #expect(try await pid(two) == program)
    await two.close()
    await eventually("it is stopped") {
      fixture.clock.advance(by: Self.idleLimit)
      return !isAlive(program)
    }
    let again = try await fixture.connect()
    #expect(try await pid(again) != program)
    await again.close()
    sweeping.cancel()
    await sweeping.value
    await fixture.end()
  }

  @Test func aProgramThatDiesIsStartedAgainButNotAtOnce() async throws {
    let fixture = try Fixture()
    let provider = try await fixture.connect()
    let program = try await pid(provider)
    let outcome = await provider.call("die", arguments: [:], limit: .seconds(60))
    #expect(outcome.isError && outcome.output.contains("ended"))
    await provider.close()
    await eventually("it is not started at once") {
      let error = await refusal { () throws(AtelierError) in await (try fixture.connect()).close() }
      return error?.code == .pluginConnection && error?.message.contains("'mcp/my-files'") == true
        && error?.message.contains("cannot be started now") == true
    }
    fixture.clock.advance(by: .seconds(1))
    let again = try await fixture.connect()
    #expect(try await pid(again) != program)
    await again.close()
    await fixture.end()
  }

  @Test func aProgramThatSaysNothingIsGivenUp() async throws {
    let fixture = try Fixture()
    try fixture.file.set("silent", to: Self.entry("while read -r line; do :; done"))
    let turning = Task {
      while !Task.isCancelled {
        fixture.clock.advance(by: .milliseconds(250))
        await Task.yield()
      }
    }
    let error = await refusal { () throws(AtelierError) in await (try fixture.connect("mcp/silent")).close() }
    turning.cancel()
    await turning.value
    #expect(error?.code == .pluginConnection && fixture.clock.now >= MCPLimits().connect)
    await fixture.end()
  }

  @Test func whatIsNotAllowedIsNotCalled() async throws {
    let fixture = try Fixture()
    let provider = try await fixture.connect(allowed: ["pid", "nothing"])
    #expect(try await provider.tools().map(\.name) == ["pid"])
    let outcome = await provider.call("die", arguments: [:], limit: .seconds(60))
    #expect(outcome.isError && outcome.output.contains("not allowed"))
    _ = try await pid(provider)
    await provider.close()
    await fixture.end()
  }

  @Test func changesOfTheFileCountFromTheNextRequestOn() async throws {
    let fixture = try Fixture()
    let unknown = ToolProviderReference.plugin(id: "mcp/other", allowedTools: nil)
    let error = await refusal { () throws(AtelierError) in try await fixture.source.check(unknown, at: 0) }
    #expect(error?.code == .pluginConnection && error?.message.contains("plugin handle 'mcp/other'") == true)
    try fixture.file.set("other", to: Self.entry(Self.script))
    try await fixture.source.check(unknown, at: 0)
    let provider = try await fixture.connect("mcp/other")
    let program = try await pid(provider)
    await provider.close()
    _ = try fixture.file.remove("other")
    #expect(await refusal { () throws(AtelierError) in try await fixture.source.check(unknown, at: 0) } != nil)
    await fixture.end()
    #expect(!isAlive(program))
  }

  @Test func serversOfRequestsMustBePublicAndHeadersTheirs() async throws {
    let fixture = try Fixture()
    func check(_ server: EphemeralToolServer) async -> AtelierError? {
      await refusal { () throws(AtelierError) in try await fixture.source.check(.ephemeral(server), at: 2) }
    }
    for url in ["http://127.0.0.1:9/mcp", "http://[::1]/", "http://169.254.169.254/", "http://10.0.0.1/"] {
      let error = await check(EphemeralToolServer(label: "hub", url: url))
      #expect(error?.code == .forbiddenAddress && error?.message.contains("non-public address") == true)
    }
    #expect(await check(EphemeralToolServer(label: "hub", url: "file:///etc"))?.param == "integrations.2.server_url")
    for name in ["Host", "Content-Length", "Transfer-Encoding", "Connection", "a b"] {
      let header = EphemeralToolServer.Header(name: name, value: Secret("secret"))
      let error = await check(EphemeralToolServer(label: "hub", url: "https://example.org/", headers: [header]))
      #expect(error?.param == "integrations.2.headers" && error?.message.contains("secret") == false)
    }
    await fixture.end()
  }
}
