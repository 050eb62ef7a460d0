import AtelierAPI
import AtelierCore

/// An answer that never changes: `GET /` and the greeting.
struct FixedAnswer: RouteHandler {
  let value: JSONValue

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws { try await exchange.send(value) }
}
