import AtelierCore
import HTTPTypes
import Testing

@testable import AtelierServer

/// What web pages may do: threat model, "Host, Origin, CORS", and native.md 14.3.
struct OriginTests {
  private static let evil = "https://evil.example"
  private static let methods: [HTTPRequest.Method] = [.post, .delete, .put, .patch]

  private func harness(_ origins: [String]?) -> Harness {
    var harness = Harness()
    if let origins {
      harness.settings.cors = true
      harness.settings.corsOrigins = origins
    }
    return harness
  }

  private func allowHeaders(_ answer: RecordingSink) -> [String] {
    answer.headers.map { $0.name.canonicalName }.filter { $0.hasPrefix("access-control-") }
  }

  @Test(arguments: [evil, "null", "http://localhost:3000", "https://localhost:1234", "http://127.0.0.1:1234"], methods)
  func withoutCORSNoForeignPageActs(origin: String, method: HTTPRequest.Method) async throws {
    let harness = harness(nil)
    for path in ["/api/v1/models/unload", "/v1/chat/completions", "/v1/messages", "/v1/responses/resp_1", "/nowhere"] {
      let answer = try await harness.send(method, path, "{", headers: [.origin: origin])
      #expect(answer.status == 403)
      #expect(allowHeaders(answer).isEmpty)
    }
  }

  @Test(arguments: [evil, "null"])
  func withoutCORSReadingNeverGetsAnAllowHeader(origin: String) async throws {
    let harness = harness(nil)
    for method in [HTTPRequest.Method.get, .head, .options] {
      for path in ["/v1/models", "/api/v1/models", "/", "/nowhere"] {
        #expect(allowHeaders(try await harness.send(method, path, headers: [.origin: origin])).isEmpty)
      }
    }
    #expect(try await harness.send(.options, "/v1/models", headers: [.origin: origin]).status == 404)
  }

  @Test(arguments: ["/atelier/catalog?query=x", "/atelier/catalog/a/b", "/atelier/log"])
  func aForeignPageCausesNothingByReadingEither(path: String) async throws {
    for (origins, origin) in [(nil, Self.evil), (nil, "null"), (["https://app.example"], Self.evil)] {
      let answer = try await harness(origins).send(.get, path, headers: [.origin: origin])
      #expect(answer.status == 403)
      #expect(try JSONValue(parsing: answer.body)["error"]?["code"] == "forbidden_origin")
    }
  }

  @Test func programsAndTheServersOwnPagesPass() async throws {
    let body = #"{"instance_id":"acme/tiny"}"#
    #expect(try await harness(nil).send(.post, "/api/v1/models/unload", body).status == 200)
    #expect(
      try await harness(nil).send(
        .post, "/api/v1/models/unload", body, headers: [.origin: "http://localhost:1234"]
      ).status == 200)
    var secure = harness(nil)
    secure.settings.tlsCertificate = "x"
    #expect(
      try await secure.send(.post, "/api/v1/models/unload", body, headers: [.origin: "https://localhost:1234"]).status
        == 200)
    #expect(
      try await secure.send(.post, "/api/v1/models/unload", body, headers: [.origin: "http://localhost:1234"]).status
        == 403)
  }

  @Test(arguments: [evil, "null"])
  func anyOriginMeansAnyButNeverCredentials(origin: String) async throws {
    let harness = harness(["*"])
    let answer = try await harness.send(.get, "/v1/models", headers: [.origin: origin])
    #expect(answer.status == 200 && answer.headers[.accessControlAllowOrigin] == "*")
    #expect(answer.headers[.accessControlAllowCredentials] == nil)
    let preflight = try await harness.send(
      .options, "/v1/models", headers: [.origin: origin, .requestPrivateNetwork: "true"])
    #expect(preflight.status == 204 && preflight.headers[.accessControlAllowOrigin] == "*")
    #expect(preflight.headers[.allowPrivateNetwork] == nil)
    #expect(preflight.headers[.accessControlAllowCredentials] == nil)
    #expect(allowHeaders(try await harness.send(.get, "/v1/models")).isEmpty)
  }

  @Test func aListNamesWhoMayAndNullIsNobody() async throws {
    let harness = harness(["https://app.example", "null"])
    let preflight = try await harness.send(
      .options, "/v1/chat/completions",
      headers: [
        .origin: "https://APP.example", .accessControlRequestHeaders: "authorization", .requestPrivateNetwork: "true",
      ])
    #expect(preflight.status == 204)
    #expect(preflight.headers[.accessControlAllowOrigin] == "https://APP.example")
    #expect(preflight.headers[.accessControlAllowHeaders] == "authorization")
    #expect(preflight.headers[.allowPrivateNetwork] == "true")
    #expect(preflight.headers[.accessControlAllowCredentials] == nil && preflight.headers[.vary] == "Origin")
    for origin in [Self.evil, "null", "https://app.example.evil.example", "http://app.example"] {
      for method in [HTTPRequest.Method.post, .options, .delete] {
        let answer = try await harness.send(method, "/v1/chat/completions", "{", headers: [.origin: origin])
        #expect(answer.status == 403)
        #expect(allowHeaders(answer).isEmpty)
      }
      let read = try await harness.send(.get, "/v1/models", headers: [.origin: origin])
      #expect(read.headers[.accessControlAllowOrigin] == nil && read.headers[.vary] == "Origin")
    }
  }

  @Test func corsNeverReplacesAToken() async throws {
    let folder = try TokenFolder()
    var harness = harness(["*"])
    harness.authorizer = folder.authorizer()
    let refused = try await harness.send(.get, "/v1/models", headers: [.origin: Self.evil])
    // The page may read that it needs one.
    #expect(refused.status == 401 && refused.headers[.accessControlAllowOrigin] == "*")
    #expect(try await harness.send(.options, "/v1/models", headers: [.origin: Self.evil]).status == 204)
  }

  @Test func aNameToListenOnIsANameToBeCalledBy() {
    let named = HostPolicy(host: "studio.local", allowed: [])
    #expect(throws: Never.self) { try named.check(authority: "studio.local:1234", localPort: 1234) }
    #expect(throws: AtelierError.self) { try named.check(authority: "evil.example", localPort: 1234) }
    #expect(throws: AtelierError.self) {
      try HostPolicy(host: "localhost", allowed: []).check(authority: "localhost:80", localPort: 1234)
    }
  }

  @Test func throughAUnixSocketAnyHostPassesThatIsOne() {
    let policy = HostPolicy(host: "127.0.0.1", allowed: [])
    #expect(throws: Never.self) { try policy.check(authority: "anything", localPort: nil) }
    #expect(throws: AtelierError.self) { try policy.check(authority: "a@b", localPort: nil) }
    #expect(throws: AtelierError.self) { try policy.check(authority: nil, localPort: nil) }
  }
}
