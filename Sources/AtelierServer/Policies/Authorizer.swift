import AtelierCore

/// Decides whether a request may reach its route, before its body is read.
package protocol Authorizer: Sendable {
  /// Says who asks, for what is decided further in. Throws `invalidAPIKey`, `tooManyAttempts` or `permissionDenied`.
  func authorize(_ credentials: Credentials, for access: Access) async throws(AtelierError) -> Caller
}

/// Authentication is off: everything is granted, whatever the headers say.
package struct OpenAuthorizer: Authorizer {
  package init() {}
  package func authorize(_ credentials: Credentials, for access: Access) -> Caller { .anonymous }
}

/// Authentication that is turned on and off while the server runs.
package struct SwitchedAuthorizer: Authorizer {
  private let isOn: @Sendable () -> Bool
  private let whenOn: any Authorizer

  package init(_ whenOn: any Authorizer, isOn: @escaping @Sendable () -> Bool) {
    self.whenOn = whenOn
    self.isOn = isOn
  }

  package func authorize(_ credentials: Credentials, for access: Access) async throws(AtelierError) -> Caller {
    isOn() ? try await whenOn.authorize(credentials, for: access) : .anonymous
  }
}
