import AtelierCore

/// Decides whether a request may reach its route, before its body is read.
package protocol Authorizer: Sendable {
  /// `token` is what `Authorization: Bearer` holds, else `x-api-key`. Says who asks, for what is decided further in. Throws
  /// `invalidAPIKey` or `permissionDenied`.
  func authorize(token: String?, for access: Access) async throws(AtelierError) -> Caller
}

/// Authentication is off: everything is granted, whatever the headers say.
package struct OpenAuthorizer: Authorizer {
  package init() {}
  package func authorize(token: String?, for access: Access) -> Caller { .anonymous }
}

/// Authentication is on and there is no store of tokens to ask: nothing but the open routes is granted.
package struct ClosedAuthorizer: Authorizer {
  package init() {}

  package func authorize(token: String?, for access: Access) throws(AtelierError) -> Caller {
    guard access != .open else { return Caller(permissions: .nothing) }
    throw AtelierError(
      .invalidAPIKey,
      token == nil
        ? "An API token is required. Send it as 'Authorization: Bearer <token>'." : "Invalid API token provided.")
  }
}
