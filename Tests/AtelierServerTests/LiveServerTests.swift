import AtelierCore
import AtelierServer
import Foundation
import Logging
import Synchronization
import Testing

/// What only a socket shows.
struct LiveServerTests {
  private static let stream = #"{"model":"tiny","input":"Hi","stream":true}"#
  private static let whole = #"{"model":"tiny","input":"Hi"}"#

  private func withServer<Value: Sendable>(
    _ harness: Harness, _ test: @Sendable @escaping (Int) async throws -> Value
  ) async throws -> Value {
    let (ports, bound) = AsyncStream.makeStream(of: Int.self)
    let server = HTTPServer(
      harness.responder, host: "127.0.0.1", port: 0, limits: ServerLimits(harness.settings),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onListening: { bound.yield($0) })
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      defer { group.cancelAll() }
      var iterator = ports.makeAsyncIterator()
      let port = try #require(await iterator.next())
      return try await test(port)
    }
  }

  private func post(_ path: String, _ body: String) -> String {
    "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  @Test func aStreamOverASocketClosesTheConnectionAtItsEnd() async throws {
    let text = try await withServer(Harness()) { port in
      let client = try RawClient(port: port)
      try client.send(post("/api/v1/chat", Self.stream))
      return try await client.readToEnd()
    }
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(text.lowercased().contains("connection: close"))
    #expect(text.contains("event: chat.end"))
    #expect(text.hasSuffix("0\r\n\r\n"))
  }

  @Test func listsKeepTheConnectionOpen() async throws {
    let text = try await withServer(Harness()) { port in
      let client = try RawClient(port: port)
      let request = "GET /lmstudio-greeting HTTP/1.1\r\nHost: localhost\r\n"
      try client.send(request + "\r\n" + request + "Connection: close\r\n\r\n")
      return try await client.readToEnd()
    }
    #expect(text.split(separator: "HTTP/1.1 200 OK").count == 2)
  }

  @Test(arguments: [
    (stream, Script.opening + [.messageStarted, .messageDelta("Hel", [])]), (stream, []), (whole, []),
    (whole, Script.opening),
  ])
  func aClientThatLeavesEndsItsGeneration(body: String, events: [GenerationEvent]) async throws {
    let generation = ScriptedGeneration { _ in events.map(ScriptedGeneration.Step.event) + [.silence] }
    try await withServer(Harness(generation)) { port in
      let client = try RawClient(port: port)
      try client.send(post("/api/v1/chat", body))
      if body == Self.stream, !events.isEmpty { _ = try await client.read() }
      while generation.requests.isEmpty { await Task.yield() }
      client.close()
      let began = ContinuousClock.now
      var dropped = generation.dropped.makeAsyncIterator()
      _ = await dropped.next()
      // A second is what is promised; a busy machine may take longer to look.
      #expect(ContinuousClock.now - began < .seconds(20))
    }
  }

  @Test func aBodyDeclaredTooLargeIsRefusedUnread() async throws {
    let text = try await withServer(Harness()) { port in
      let client = try RawClient(port: port)
      try client.send("POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 68000000\r\n\r\n")
      return try await client.readToEnd()
    }
    #expect(text.hasPrefix("HTTP/1.1 413"))
    #expect(text.contains("request_too_large"))
  }

  @Test func aClientMayWaitForPermissionToSendItsBody() async throws {
    let text = try await withServer(Harness()) { port in
      let client = try RawClient(port: port)
      try client.send(
        "POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: \(Self.whole.utf8.count)\r\n\r\n"
      )
      let first = try await client.read()
      try client.send(Self.whole)
      return first + (try await client.readToEnd())
    }
    #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\n"))
    #expect(text.contains("HTTP/1.1 200 OK"))
  }

  @Test func aBodyThatStopsArrivingIsRefused() async throws {
    var harness = Harness()
    harness.settings.bodyGapSeconds = 1
    let text = try await withServer(harness) { port in
      let client = try RawClient(port: port)
      try client.send("POST /api/v1/models/load HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
      return try await client.readToEnd()
    }
    #expect(text.hasPrefix("HTTP/1.1 408"))
    #expect(text.contains("request_timeout"))
  }

  /// Far more than any buffer on the way holds, to a client that takes nothing of it.
  private static let flood =
    Script.opening + [.messageStarted]
    + Array(repeating: .messageDelta(String(repeating: "x", count: 64 * 1024), []), count: 400)

  @Test func aClientThatReadsNothingIsCutOff() async throws {
    let generation = ScriptedGeneration { _ in Self.flood.map(ScriptedGeneration.Step.event) + [.silence] }
    var harness = Harness(generation)
    harness.settings.stallSeconds = 1
    try await withServer(harness) { port in
      let client = try RawClient(port: port)
      try client.send(post("/api/v1/chat", Self.stream))
      var dropped = generation.dropped.makeAsyncIterator()
      _ = await dropped.next()
      client.close()
    }
  }

  /// Slow is not stuck: what takes longer than the limit as a whole, with bytes taken all the while, is sent to its end.
  @Test func aClientThatReadsSlowlyGetsEverything() async throws {
    let generation = ScriptedGeneration(Self.flood + [.messageFinished, .finished(Script.result("x"))])
    var harness = Harness(generation)
    harness.settings.stallSeconds = 3
    let (count, took) = try await withServer(harness) { port in
      let client = try RawClient(port: port)
      let began = ContinuousClock.now
      try client.send(post("/api/v1/chat", Self.stream))
      // The pace is what is tested.
      return (await client.count(pause: 10_000), ContinuousClock.now - began)
    }
    #expect(count > 400 * 64 * 1024)
    #expect(took > .seconds(3))
  }

  @Test func aTakenPortIsNamed() async throws {
    try await withServer(Harness()) { port in
      let second = HTTPServer(
        Harness().responder, host: "127.0.0.1", port: port, limits: ServerLimits(),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onListening: { _ in })
      let error = await #expect(throws: HTTPServer.Failure.self) { try await second.run() }
      guard case .portInUse = error else { return #expect(Bool(false), "\(String(describing: error))") }
    }
  }
}
