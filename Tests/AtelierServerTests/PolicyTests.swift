import AtelierCore
import HTTPTypes
import Testing

@testable import AtelierServer

struct PolicyTests {
  @Test(arguments: [
    ("localhost", true), ("localhost:1234", true), ("LocalHost:1234", true), ("127.0.0.1:1234", true),
    ("127.9.9.9", true), ("[::1]:1234", true), ("[::1]", true), ("studio.test:99", true), ("pinned.test:8080", true),
    ("localhost:80", false), ("evil.example", false), ("127.0.0.1.evil.example", false), ("192.168.1.4:1234", false),
    ("pinned.test:1", false), ("", false), ("a@localhost", false), ("localhost:99999", false), ("[::1", false),
  ])
  func onLoopbackOnlyLoopbackNamesPass(authority: String, passes: Bool) async throws {
    let policy = HostPolicy(host: "127.0.0.1", allowed: ["studio.test", "Pinned.test:8080"])
    #expect(((try? policy.check(authority: authority, localPort: 1234)) != nil) == passes)
  }

  @Test(arguments: [
    ("192.168.1.4:1234", true), ("[fe80::1]:1234", true), ("localhost:9", true), ("evil.example", false),
  ])
  func boundWiderAddressesPassButNamesDoNot(authority: String, passes: Bool) {
    let policy = HostPolicy(host: "0.0.0.0", allowed: [])
    #expect(((try? policy.check(authority: authority, localPort: 1234)) != nil) == passes)
  }

  @Test func aForeignHostIsRefusedBeforeAnythingElse() async throws {
    let answer = try await Harness().send(.post, "/api/v1/chat", "{", authority: "evil.example")
    #expect(answer.status == 403)
    #expect(try await Harness().send(.get, "/nowhere", authority: "evil.example").status == 403)
  }

  @Test(arguments: ["https://evil.example", "null"])
  func withoutCORSAForeignPageCannotActNorRead(origin: String) async throws {
    let harness = Harness()
    #expect(try await harness.send(.post, "/api/v1/chat", "{}", headers: [.origin: origin]).status == 403)
    let read = try await harness.send(.get, "/v1/models", headers: [.origin: origin])
    #expect(read.headers[.accessControlAllowOrigin] == nil)
    #expect(
      try await harness.send(.options, "/v1/models", headers: [.origin: origin]).headers[.accessControlAllowOrigin]
        == nil)
    #expect(harness.generation.requests.isEmpty)
  }

  @Test func aPageOfTheServerItselfMayAct() async throws {
    let answer = try await Harness().send(
      .post, "/api/v1/models/unload", #"{"instance_id":"acme/tiny"}"#, headers: [.origin: "http://localhost:1234"])
    #expect(answer.status == 200)
  }

  @Test func withCORSAPreflightIsAnswered() async throws {
    var harness = Harness()
    harness.settings.cors = true
    let preflight = try await harness.send(
      .options, "/v1/chat/completions",
      headers: [.origin: "https://app.example", .accessControlRequestHeaders: "authorization,content-type"])
    #expect(preflight.status == 204)
    #expect(preflight.headers[.accessControlAllowOrigin] == "*")
    #expect(preflight.headers[.accessControlAllowMethods] == "GET, POST, OPTIONS")
    #expect(preflight.headers[.accessControlAllowHeaders] == "authorization,content-type")
    #expect(preflight.headers[.accessControlMaxAge] == "600")
    let refused = try await harness.send(.post, "/v1/chat/completions", "{", headers: [.origin: "https://app.example"])
    #expect(refused.status == 400)
    #expect(refused.headers[.accessControlAllowOrigin] == "*")
  }

  @Test func withAListOnlyListedOriginsPass() async throws {
    var harness = Harness()
    harness.settings.cors = true
    harness.settings.corsOrigins = ["https://app.example"]
    let good = try await harness.send(.get, "/v1/models", headers: [.origin: "https://app.example"])
    #expect(good.headers[.accessControlAllowOrigin] == "https://app.example")
    #expect(good.headers[.vary] == "Origin")
    #expect(
      try await harness.send(.post, "/v1/chat/completions", "{", headers: [.origin: "https://x.example"]).status == 403)
  }
}
