import AtelierAccess
import AtelierCore
import AtelierTesting
import Foundation
import HTTPTypes
import Testing

@testable import AtelierServer

/// Authentication is on, as native.md 3 has it.
struct TokenTests {
  private let folder: TokenFolder
  private var harness: Harness

  init() throws {
    folder = try TokenFolder()
    harness = Harness()
    harness.authorizer = folder.authorizer()
  }

  private func bearer(_ token: APIToken) -> HTTPFields { [.authorization: "Bearer \(token.text.value)"] }

  private static let routes: [(HTTPRequest.Method, String)] = [
    (.post, "/api/v1/chat"), (.get, "/api/v1/models"), (.post, "/api/v1/models/load"), (.get, "/api/v0/models"),
    (.post, "/api/v0/chat/completions"), (.post, "/v1/chat/completions"), (.post, "/v1/responses"),
    (.get, "/v1/models"),
    (.post, "/v1/messages"), (.post, "/v1/messages/count_tokens"), (.post, "/v1/embeddings"), (.post, "/v1/rerank"),
    (.post, "/v2/rerank"), (.post, "/v1/responses/input_tokens"),
    (.get, "/atelier/instances"), (.get, "/atelier/chats"), (.get, "/atelier/log"), (.get, "/nowhere"),
    (.put, "/v1/models"),
    (.get, "//v1//models/"), (.get, "/%76%31/models"), (.get, "/v1/../v1/models"), (.options, "/v1/models"),
  ]

  @Test(arguments: [
    ("", "API token is required"), ("Bearer", "API token is required"), ("Basic dXNlcjpwYXNz", "API token is required"),
    ("Bearer lm-studio-key", "Malformed LM Studio API token provided: 'lm-stu…'"),
    ("Bearer sk-lm-Ab12Cd34:short", "Malformed LM Studio API token provided: 'sk-lm-Ab12Cd…'"),
    ("Bearer sk-lm-Ab12Cd34:0123456789abcdefGHIJ", "Invalid API token provided."),
    ("bearer   sk-lm-Ab12Cd34:0123456789abcdefGHIJ ", "Invalid API token provided."),
  ])
  func withoutAValidTokenNoRouteIsReached(header: String, message: String) async throws {
    var headers: HTTPFields = [:]
    if !header.isEmpty { headers[.authorization] = header }
    for (method, path) in Self.routes {
      let answer = try await Harness.with(folder.authorizer(failures: 1000), harness).send(
        method, path, "not even JSON", headers: headers)
      #expect(answer.status == 401, "\(method) \(path)")
      #expect(answer.headers[.wwwAuthenticate] == "Bearer")
      let error = try JSONValue(parsing: answer.body)["error"]
      #expect(
        error?["message"]?.stringValue?.hasPrefix(message) == true
          || error?["message"]?.stringValue?.contains(message) == true)
      switch Surface(RequestPath(target: path)) {
      case .native: #expect(error?["type"] == "invalid_request" && error?["code"] == "invalid_api_key")
      case .openAI: #expect(error?["type"] == "invalid_request_error" && error?["code"] == "invalid_api_key")
      case .anthropic: #expect(error?["type"] == "authentication_error")
      }
    }
    #expect(harness.generation.requests.isEmpty)
  }

  @Test func theNamedRoutesAreOpen() async throws {
    for path in ["/", "/lmstudio-greeting"] {
      for method in [HTTPRequest.Method.get, .head] {
        #expect(try await harness.send(method, path).status == 200)
        #expect(try await harness.send(method, path, headers: [.authorization: "Bearer wrong"]).status == 200)
      }
    }
    var harness = harness
    harness.settings.cors = true
    #expect(
      try await harness.send(.options, "/v1/models", headers: [.origin: "https://app.example"]).status == 204)
  }

  @Test func aTokenWorksInEitherHeader() async throws {
    let token = try folder.add()
    for headers: HTTPFields in [
      bearer(token), [.apiKey: token.text.value], [.authorization: "BEARER  \(token.text.value) "],
      [.authorization: "Basic x", .apiKey: " \(token.text.value)"],
    ] {
      #expect(try await harness.send(.get, "/v1/models", headers: headers).status == 200)
      #expect(try await harness.send(.get, "/api/v1/models", headers: headers).status == 200)
      #expect(
        try await harness.send(
          .post, "/v1/messages", #"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"}]}"#,
          headers: headers
        ).status == 200)
    }
    #expect(harness.generation.requests.allSatisfy { $0.caller.tokenID == token.id })
    // Bearer wins, but on Anthropic's routes either may be right.
    let both: HTTPFields = [.authorization: "Bearer placeholder", .apiKey: token.text.value]
    #expect(try await harness.send(.get, "/v1/models", headers: both).status == 401)
    #expect(
      try await harness.send(.post, "/v1/messages", "{", headers: both).status == 400)
  }

  @Test func anExpiredTokenIsRefused() async throws {
    let token = try folder.add(expiresAt: 1)
    let answer = try await harness.send(.get, "/api/v1/models", headers: bearer(token))
    #expect(answer.status == 401)
    #expect(
      try JSONValue(parsing: answer.body)["error"]?["message"]?.stringValue
        == "Invalid API token provided. It has expired.")
  }

  @Test(arguments: [
    (HTTPRequest.Method.post, "/api/v1/chat", "inference"), (.post, "/v1/embeddings", "inference"),
    (.get, "/v1/responses/resp_1", "inference"), (.get, "/atelier/chats", "inference"),
    (.get, "/v1/models", "models.read"), (.get, "/api/v1/models/download/status/x", "models.read"),
    (.get, "/atelier/instances", "models.read"), (.post, "/api/v1/models/load", "models.load"),
    (.post, "/api/v1/models/unload", "models.load"), (.post, "/api/v1/models/download", "models.download"),
    (.post, "/atelier/downloads/x/pause", "models.download"), (.delete, "/atelier/models/x", "models.download"),
    (.get, "/atelier/catalog", "models.download"), (.get, "/atelier/log", "chats.all"),
  ])
  func aRouteNeedsItsPermission(method: HTTPRequest.Method, path: String, permission: String) async throws {
    let all = [
      "inference", "models.read", "models.load", "models.download", "mcp.ephemeral", "mcp.plugins", "chats.all",
    ]
    let token = try folder.add(try Permissions(names: all.filter { $0 != permission }))
    let answer = try await harness.send(method, path, "{", headers: bearer(token))
    #expect(answer.status == 403)
    let error = try JSONValue(parsing: answer.body)["error"]
    #expect(error?["message"]?.stringValue?.contains("'\(permission)'") == true)
    if Surface(RequestPath(target: path)) == .native {
      #expect(error?["type"] == "invalid_request" && error?["code"] == "permission_denied" && error?["param"] == nil)
    } else {
      #expect(error?["type"] == "permission_error" && error?["code"] == "insufficient_permissions")
    }
    guard path != "/atelier/log" else { return }
    let only = try folder.add(try Permissions(names: [permission]))
    #expect(try await harness.send(method, path, "{", headers: bearer(only)).status != 403)
  }

  @Test func wrongTokensAreThrottledAndTheRightOneIsNot() async throws {
    let token = try folder.add()
    let responder = harness.responder
    let wrong: HTTPFields = [.authorization: "Bearer sk-lm-\(token.id):01234567890123456789"]
    for _ in 0..<20 {
      #expect(try await harness.send(.get, "/v1/models", headers: wrong, responder: responder).status == 401)
    }
    // Without a token nothing is tried.
    for _ in 0..<30 { #expect(try await harness.send(.get, "/v1/models", responder: responder).status == 401) }
    let throttled = try await harness.send(.get, "/v1/models", headers: wrong, responder: responder)
    #expect(throttled.status == 429)
    #expect(throttled.headers[.retryAfter] == "60" && throttled.headers[.connection] == "close")
    #expect(try await harness.send(.get, "/api/v1/models", headers: wrong, responder: responder).status == 429)
    #expect(try await harness.send(.get, "/v1/models", headers: bearer(token), responder: responder).status == 200)
    folder.clock.advance(by: .seconds(60))
    #expect(try await harness.send(.get, "/v1/models", headers: wrong, responder: responder).status == 401)
  }

  @Test func theThrottleKnowsAddressesApartAndForgets() {
    var throttle = FailureThrottle(limit: 2)
    let now = Duration.seconds(100)
    #expect(throttle.failed(from: "a", now: now) == nil && throttle.failed(from: "a", now: now) == nil)
    #expect(throttle.failed(from: "a", now: now + .seconds(20)) == 40)
    #expect(throttle.failed(from: "b", now: now) == nil)
    #expect(throttle.failed(from: "a", now: now + .seconds(60)) == nil)
    for index in 0..<10_000 { _ = throttle.failed(from: "\(index)", now: now + .seconds(61)) }
    #expect(throttle.remembered <= 4096)
  }

  @Test func withoutAStoreEverythingIsRefused() async throws {
    let token = try folder.add()
    try folder.remove()
    #expect(try await harness.send(.get, "/v1/models", headers: bearer(token)).status == 401)
  }

  @Test func authenticationIsSwitchedWhileTheServerRuns() async throws {
    let isOn = Flag()
    var harness = harness
    harness.authorizer = SwitchedAuthorizer(folder.authorizer()) { isOn.value }
    let responder = harness.responder
    #expect(
      try await harness.send(.get, "/v1/models", headers: [.authorization: "Bearer noop"], responder: responder).status
        == 200)
    isOn.value = true
    #expect(try await harness.send(.get, "/v1/models", responder: responder).status == 401)
    isOn.value = false
    #expect(try await harness.send(.get, "/v1/models", responder: responder).status == 200)
  }

  @Test func hostAndOriginComeBeforeTheToken() async throws {
    #expect(try await harness.send(.get, "/v1/models", authority: "evil.example").status == 403)
    #expect(
      try await harness.send(.post, "/v1/chat/completions", headers: [.origin: "https://evil.example"]).status == 403)
  }
}

extension Harness {
  fileprivate static func with(_ authorizer: any Authorizer, _ harness: Harness) -> Harness {
    var harness = harness
    harness.authorizer = authorizer
    return harness
  }
}
