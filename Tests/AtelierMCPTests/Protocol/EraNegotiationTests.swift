import AtelierCore
import Testing

@testable import AtelierMCP

struct EraNegotiationTests {
  private let capabilities: JSONValue = ["tools": ["listChanged": true]]

  private func refusal(_ code: Int, supported: [String]? = nil) -> MCPError {
    .rpc(
      RPCFailure(
        code: code, message: "no",
        data: supported.map { ["supported": .array($0.map(JSONValue.string)), "requested": "2026-07-28"] }))
  }

  private func version(_ step: EraNegotiation.Step) -> ProtocolVersion? {
    if case .settled(let server) = step { server.version } else { nil }
  }

  @Test func aStatelessServerIsFoundAtTheFirstQuestion() {
    var negotiation = EraNegotiation(startingWith: .stateless)
    #expect(negotiation.first == .discover(.july2026))
    let step = negotiation.answered([
      "supportedVersions": ["2099-01-01", "2026-07-28"], "capabilities": capabilities,
      "_meta": ["io.modelcontextprotocol/serverInfo": ["name": "s", "version": "1"]],
    ])
    guard case .settled(let server) = step else {
      Issue.record("\(step)")
      return
    }
    #expect(server.version == .july2026 && server.name == "s" && server.hasTools && server.announcesToolChanges)
  }

  @Test(arguments: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
  func anOlderServerIsGreeted(_ name: String) {
    var negotiation = EraNegotiation(startingWith: .stateless)
    #expect(negotiation.refused(refusal(RPCFailure.methodNotFound)) == .initialize(.november2025))
    let step = negotiation.answered(["protocolVersion": .string(name), "capabilities": [:]])
    #expect(version(step)?.rawValue == name)
  }

  @Test func whateverIsNoEvidenceMeansAnOlderServer() {
    let errors = [
      refusal(-32600), refusal(-32602), MCPError.timedOut, MCPError(.http(status: 404), ""),
      MCPError(.malformed, ""), refusal(-32022, supported: ["2025-11-25"]), refusal(-32022, supported: nil),
    ]
    for error in errors {
      var negotiation = EraNegotiation(startingWith: .stateless)
      #expect(negotiation.refused(error) == .initialize(.november2025))
    }
    for result in [[:], ["supportedVersions": ["2025-11-25"]], ["supportedVersions": "2026-07-28"]] as [JSONObject] {
      var negotiation = EraNegotiation(startingWith: .stateless)
      #expect(negotiation.answered(result) == .initialize(.november2025))
    }
  }

  @Test(arguments: [MCPError(.unreachable, ""), MCPError(.unauthorized, ""), .cancelled, .closed])
  func anOutageIsNoEvidence(_ error: MCPError) {
    var negotiation = EraNegotiation(startingWith: .stateless)
    #expect(negotiation.refused(error) == .failed(error))
  }

  @Test func versionsThatWeDoNotShareAreFinal() {
    var negotiation = EraNegotiation(startingWith: .stateless)
    guard case .failed(let error) = negotiation.refused(refusal(-32022, supported: ["2099-01-01"])) else {
      Issue.record("went on")
      return
    }
    #expect(error.kind == .unsupportedVersion && error.description.contains("2099-01-01"))
    var older = EraNegotiation(startingWith: .handshake)
    guard case .failed(let refused) = older.answered(["protocolVersion": "2026-07-28"]) else {
      Issue.record("went on")
      return
    }
    #expect(refused.kind == .unsupportedVersion)
  }

  /// The question was answered after we gave up on it, and the handshake came too late.
  @Test func aSlowStatelessServerIsAskedOnceMore() {
    var negotiation = EraNegotiation(startingWith: .stateless)
    #expect(negotiation.refused(.timedOut) == .initialize(.november2025))
    #expect(negotiation.refused(refusal(-32022, supported: ["2026-07-28"])) == .discover(.july2026))
    let step = negotiation.answered(["supportedVersions": ["2026-07-28"], "capabilities": [:]])
    #expect(version(step) == .july2026)
  }

  @Test func aServerThatAlwaysRefusesIsNotAskedForEver() {
    var negotiation = EraNegotiation(startingWith: .stateless)
    let refusal = refusal(-32022, supported: ["2026-07-28", "2025-11-25"])
    #expect(negotiation.refused(refusal) == .discover(.july2026))
    #expect(negotiation.refused(refusal) == .initialize(.november2025))
    #expect(negotiation.refused(refusal) == .failed(refusal))
  }

  @Test func whatIsKnownSavesAQuestion() {
    let negotiation = EraNegotiation(startingWith: .handshake)
    #expect(negotiation.first == .initialize(.november2025))
  }
}
