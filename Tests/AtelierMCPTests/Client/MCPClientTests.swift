import AtelierCore
import AtelierMCP
import AtelierTesting
import Testing

struct MCPClientTests {
  private func kind<Value>(_ body: () async throws -> Value) async -> MCPError.Kind? {
    do {
      _ = try await body()
      return nil
    } catch {
      return (error as? MCPError)?.kind
    }
  }

  @Test func anOlderServerIsGreetedThenListed() async throws {
    let server = ScriptedServer.handshake { _, _ in .result(tools("add")) }
    let client = server.client()
    try await client.connect()
    #expect(try await client.tools().map(\.name) == ["add"])
    #expect(server.methods == ["server/discover", "initialize", "notifications/initialized", "tools/list"])
    #expect(await client.server?.version == .june2025)
    let hello = try #require(server.params(of: "initialize"))
    #expect(hello["protocolVersion"] == "2025-11-25" && hello["capabilities"] == [:])
    #expect(hello["clientInfo"] == ["name": "atelier", "version": "9"])
    #expect(server.frames.last?.version == .june2025 && !server.transport.isListening)
    // Kept until the server says that it changed.
    _ = try await client.tools()
    #expect(server.methods.count == 4)
  }

  @Test func aStatelessServerIsToldEverythingWithEveryRequest() async throws {
    let server = ScriptedServer.stateless { method, _ in
      method == "tools/list"
        ? .result(tools("add", more: ["ttlMs": 1000])) : .result(["content": [["type": "text", "text": "5"]]])
    }
    let client = server.client()
    try await client.connect()
    _ = try await client.tools()
    let result = try await client.call("add", arguments: ["a": 2], timeout: .seconds(1), longest: .seconds(9))
    #expect(result.output() == #"[{"type":"text","text":"5"}]"#)
    #expect(server.methods == ["server/discover", "tools/list", "tools/call"])
    for method in server.methods {
      let meta = try #require(server.params(of: method)?["_meta"])
      #expect(meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28")
      #expect(meta["io.modelcontextprotocol/clientCapabilities"] == [:])
      #expect(meta["io.modelcontextprotocol/clientInfo"]?["name"] == "atelier")
    }
    #expect(server.params(of: "tools/call")?["arguments"] == ["a": 2])
  }

  @Test func aStatelessListIsKeptAsLongAsTheServerAllows() async throws {
    let clock = TestClock()
    let server = ScriptedServer.stateless { _, _ in .result(tools("add", more: ["ttlMs": 1000])) }
    let client = server.client(clock)
    try await client.connect()
    for _ in 0..<3 { _ = try await client.tools() }
    #expect(server.methods.filter { $0 == "tools/list" }.count == 1)
    clock.advance(by: .seconds(2))
    _ = try await client.tools(honouringExpiry: false)
    #expect(server.methods.filter { $0 == "tools/list" }.count == 1)
    _ = try await client.tools()
    #expect(server.methods.filter { $0 == "tools/list" }.count == 2)
  }

  @Test func anAnnouncedChangeMakesTheListOld() async throws {
    let server = ScriptedServer.handshake(announcesChanges: true) { _, _ in .result(tools("add")) }
    let client = server.client()
    try await client.connect()
    #expect(server.transport.isListening)
    _ = try await client.tools()
    await server.transport.deliver(.message(.notification(method: "notifications/tools/list_changed", params: nil)))
    _ = try await client.tools(honouringExpiry: false)
    #expect(server.methods.filter { $0 == "tools/list" }.count == 2)
  }

  @Test func aStatelessServersChangesAreSubscribedTo() async throws {
    let server = ScriptedServer.stateless(announcesChanges: true) { method, _ in
      method == "subscriptions/listen" ? .silence : .result(tools("add"))
    }
    let client = server.client()
    try await client.connect()
    await eventually("it subscribes") { server.methods.contains("subscriptions/listen") }
    #expect(server.params(of: "subscriptions/listen")?["notifications"] == ["toolsListChanged": true])
    await server.transport.deliver(
      .message(.notification(method: "notifications/subscriptions/acknowledged", params: nil)))
    for _ in 0..<2 { _ = try await client.tools() }
    // Without a time limit of the server, but with its promise to say when it changes.
    #expect(server.methods.filter { $0 == "tools/list" }.count == 1)
    await client.close()
  }

  @Test func pagesAreAskedForOneByOne() async throws {
    let server = ScriptedServer.handshake { _, params in
      params["cursor"] == "2" ? .result(tools("c")) : .result(tools("a", "b", more: ["nextCursor": "2"]))
    }
    let client = server.client()
    try await client.connect()
    #expect(try await client.tools().map(\.name) == ["a", "b", "c"])
  }

  @Test func aServerWithoutToolsHasNone() async throws {
    let server = ScriptedServer { method, _ in
      method == "initialize"
        ? .result(["protocolVersion": "2024-11-05", "capabilities": [:]])
        : .failure(RPCFailure(code: RPCFailure.methodNotFound, message: "?"))
    }
    let client = server.client()
    try await client.connect()
    #expect(try await client.tools().isEmpty)
  }

  // MARK: Calls

  @Test func aCallThatTakesTooLongIsCancelledAtTheServer() async throws {
    let clock = TestClock()
    let server = ScriptedServer.handshake { method, _ in method == "tools/call" ? .silence : .result(tools("slow")) }
    let client = server.client(clock)
    try await client.connect()
    async let failure = kind {
      try await client.call("slow", arguments: [:], timeout: .seconds(60), longest: .seconds(600))
    }
    await eventually("the call waits") { clock.sleepers > 0 && server.methods.last == "tools/call" }
    clock.advance(by: .seconds(61))
    #expect(await failure == .timedOut)
    let id = try #require(server.id(of: "tools/call"))
    #expect(server.transport.cancelled == [id])
    guard case .notification("notifications/cancelled", let params)? = server.transport.notices.first else {
      Issue.record("no notice")
      return
    }
    #expect(params?["requestId"] == .integer(3))
    // What comes too late is nobody's.
    await server.transport.deliver(.message(.result(id: id, ["content": []])))
    #expect(await client.failure == nil)
  }

  @Test func progressGivesACallMoreTimeButNotForEver() async throws {
    let clock = TestClock()
    let server = ScriptedServer.handshake { method, _ in method == "tools/call" ? .silence : .result(tools("slow")) }
    let client = server.client(clock)
    try await client.connect()
    async let failure = kind {
      try await client.call("slow", arguments: [:], timeout: .seconds(60), longest: .seconds(150))
    }
    await eventually("the call waits") { clock.sleepers > 0 && server.methods.last == "tools/call" }
    let token = try #require(server.params(of: "tools/call")?["_meta"]?["progressToken"])
    for second in [50, 50, 45] {
      clock.advance(by: .seconds(second))
      await server.transport.deliver(
        .message(.notification(method: "notifications/progress", params: ["progressToken": token, "progress": 1])))
      await eventually("it waits on") { clock.sleepers > 0 }
      #expect(server.transport.cancelled.isEmpty)
    }
    clock.advance(by: .seconds(6))
    #expect(await failure == .timedOut)
  }

  @Test func aCallerThatLeavesCancelsItsCall() async throws {
    let server = ScriptedServer.stateless { method, _ in method == "tools/call" ? .silence : .result(tools("slow")) }
    let client = server.client()
    try await client.connect()
    let call = Task {
      await kind { try await client.call("slow", arguments: [:], timeout: .seconds(60), longest: .seconds(600)) }
    }
    await eventually("the call is made") { server.methods.last == "tools/call" }
    call.cancel()
    #expect(await call.value == .cancelled)
    #expect(server.transport.cancelled == [try #require(server.id(of: "tools/call"))])
  }

  @Test func callsThatRunTogetherGetTheirOwnAnswers() async throws {
    let server = ScriptedServer.handshake { _, params in
      .result(["content": [["type": "text", "text": params["arguments"]?["n"] ?? ""]]])
    }
    let client = server.client()
    try await client.connect()
    let outputs = try await withThrowingTaskGroup(of: (Int, String).self) { group in
      for number in 0..<40 {
        group.addTask {
          let result = try await client.call(
            "echo", arguments: ["n": .string("\(number)")], timeout: .seconds(1), longest: .seconds(1))
          return (number, result.content.first?["text"]?.stringValue ?? "")
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    #expect(outputs == Dictionary(uniqueKeysWithValues: (0..<40).map { ($0, "\($0)") }))
  }

  @Test func aToolThatOnlyWantsToBeAskedAgainIs() async throws {
    let clock = TestClock()
    let server = ScriptedServer.stateless { method, params in
      if method == "tools/list" { return .result(tools("t")) }
      return params["requestState"] == "s"
        ? .result(["content": []]) : .result(["resultType": "input_required", "requestState": "s"])
    }
    let client = server.client(clock)
    try await client.connect()
    async let result = client.call("t", arguments: [:], timeout: .seconds(60), longest: .seconds(60))
    await eventually("it pauses") { clock.sleepers > 0 }
    clock.advance(by: .milliseconds(100))
    #expect(try await result.content.isEmpty)
  }

  @Test func inputThatNobodyCanGiveFailsTheCall() async throws {
    let server = ScriptedServer.stateless { _, _ in
      .result(["resultType": "input_required", "inputRequests": ["q": ["method": "elicitation/create"]]])
    }
    let client = server.client()
    try await client.connect()
    #expect(
      await kind { try await client.call("t", arguments: [:], timeout: .seconds(1), longest: .seconds(1)) }
        == .malformed)
  }

  // MARK: What the server asks, and ends

  @Test func pingsAreAnsweredAndOtherRequestsRefused() async throws {
    let server = ScriptedServer.handshake { _, _ in .result([:]) }
    let client = server.client()
    try await client.connect()
    await server.transport.deliver(.message(.request(id: .string("p"), method: "ping", params: nil)))
    await server.transport.deliver(.message(.request(id: .integer(1), method: "sampling/createMessage", params: [:])))
    await eventually("both are answered") { server.frames.count == 5 }
    let answers = server.frames.suffix(2).map(\.message)
    #expect(answers.contains(.result(id: .string("p"), [:])))
    #expect(
      answers.contains(
        .failure(id: .integer(1), RPCFailure(code: RPCFailure.methodNotFound, message: "Method not found"))))
    try await client.ping()
    #expect(server.methods.last == "ping")
  }

  @Test func aConnectionThatEndsFailsWhatWaits() async throws {
    let server = ScriptedServer.handshake { method, _ in method == "tools/call" ? .silence : .result(tools("t")) }
    let client = server.client()
    try await client.connect()
    async let failure = kind { try await client.call("t", arguments: [:], timeout: .seconds(1), longest: .seconds(1)) }
    await eventually("the call is made") { server.methods.last == "tools/call" }
    await server.transport.deliver(.closed(.closed))
    #expect(await failure == .closed)
    await client.waitUntilGone()
    #expect(await kind { try await client.tools() } == .closed)
  }

  @Test func aLostSessionIsMadeAnewOnce() async throws {
    let isLost = Flag()
    let server = ScriptedServer.handshake { method, _ in
      method == "tools/call" && isLost.take() ? .failed(MCPError(.sessionLost, "gone")) : .result(["content": []])
    }
    let client = server.client()
    try await client.connect()
    isLost.raise()
    _ = try await client.call("t", arguments: [:], timeout: .seconds(1), longest: .seconds(1))
    #expect(
      server.methods.suffix(4) == ["tools/call", "initialize", "notifications/initialized", "tools/call"])
  }

  @Test func aRefusalIsTheServersOwnWords() async throws {
    let server = ScriptedServer.handshake { _, _ in .failure(RPCFailure(code: -32602, message: "bad\u{7}\nthing")) }
    let client = server.client()
    try await client.connect()
    do {
      _ = try await client.call("t", arguments: [:], timeout: .seconds(1), longest: .seconds(1))
      Issue.record("no error")
    } catch { #expect(error.description == "MCP error -32602: bad  thing") }
  }
}
