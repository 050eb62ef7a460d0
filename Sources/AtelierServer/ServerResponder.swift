import AtelierAPI
import AtelierCore
import HTTPTypes
import HummingbirdCore
import Logging

/// Takes one request through the policies to its route, and turns what is thrown on the way into the error body of the
/// surface. The order is the threat model's: who speaks (Host, Origin), who is it (token), then what is wanted.
package struct ServerResponder: Sendable {
  private let routes: RouteTable
  private let hosts: HostPolicy
  private let origins: OriginPolicy
  private let authorizer: any Authorizer
  private let logger: Logger

  init(
    routes: RouteTable, hosts: HostPolicy, origins: OriginPolicy, authorizer: any Authorizer, logger: Logger
  ) {
    self.routes = routes
    self.hosts = hosts
    self.origins = origins
    self.authorizer = authorizer
    self.logger = logger
  }

  /// True when the request's work must end as soon as its client is gone.
  func endsWithClient(_ head: HTTPRequest) -> Bool {
    guard let path = RequestPath(target: head.path ?? "/"), case .found(let route, _) = routes.match(head.method, path)
    else { return false }
    return route.handler.endsWithClient
  }

  /// Answers. Throws only when the connection is of no more use.
  package func respond(to request: Request, _ exchange: Exchange, localPort: Int?) async throws {
    let target = request.head.path ?? "/"
    let path = RequestPath(target: target)
    let surface = Surface(path)
    // Anthropic's name for what every answer has.
    if surface == .anthropic { exchange.headers[.anthropicRequestID] = exchange.requestID }
    // Without the query, where some programs put their token.
    let name = target.prefix { $0 != "?" }
    logger.info(
      "Received request: \(request.method.rawValue) to \(name.prefix(256))", metadata: ["id": "\(exchange.requestID)"]
    )
    do {
      try hosts.check(authority: request.head.authority, localPort: localPort)
      let match = path.map { routes.match(request.method, $0) } ?? .unknownPath
      try origins.check(request.head, acts: match.readingActs)
      exchange.headers.append(contentsOf: origins.headers(for: request.head))
      if request.method == .options, origins.isEnabled {
        return try await exchange.send(.noContent, headers: origins.preflight(request.head), body: nil)
      }
      try await dispatch(request, match, target, surface, exchange)
    } catch let error as AtelierError where !exchange.hasBegun {
      // What was sent as a token is no word for the log, not even its beginning.
      let message: Logger.Metadata = error.code == .invalidAPIKey ? [:] : ["message": "\(error.message)"]
      logger.info(
        "Refused: \(error.code.rawValue)",
        metadata: message.merging(["id": "\(exchange.requestID)"]) { first, _ in first })
      // Whoever tries tokens pays for a connection each time.
      if error.code == .tooManyAttempts { exchange.closeConnectionAfterwards() }
      try await exchange.send(surface.response(to: error, requestID: exchange.requestID))
    }
  }

  private func dispatch(
    _ request: Request, _ match: RouteTable.Match, _ target: String, _ surface: Surface, _ exchange: Exchange
  ) async throws {
    let credentials = Credentials(
      request.headers, takesEither: surface == .anthropic, address: exchange.address)
    exchange.noteClient(token: credentials.tokens.first?.value)
    let name = String(target.prefix { $0 != "?" })
    switch match {
    case .found(let route, let rest):
      exchange.askAgain = { [authorizer, access = route.access] () throws(AtelierError) -> Caller in
        try await authorizer.authorize(credentials, for: access)
      }
      exchange.caller = try await exchange.askAgain()
      // Of several headers only one holds the token; the others may hold anything and make nobody a further client.
      if let id = exchange.caller.tokenID { exchange.noteClient(token: id) }
      try await route.handler.handle(ServerRequest(request: request, rest: rest), exchange)
    // Without CORS there is no such method, as on any path that does not exist (native.md 14.3).
    case .wrongMethod(let allowed) where request.method != .options:
      _ = try await authorizer.authorize(credentials, for: .anyToken)
      let error = AtelierError.methodNotAllowed(method: request.method.rawValue, path: name)
      exchange.headers[.allow] = allowed.joined(separator: ", ")
      throw error
    case .wrongMethod, .unknownPath:
      _ = try await authorizer.authorize(credentials, for: .anyToken)
      throw AtelierError.unknownEndpoint(method: request.method.rawValue, path: name)
    }
  }
}
