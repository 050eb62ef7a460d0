/// Who makes a request, as far as what it may do and what belongs to it are concerned.
package struct Caller: Sendable, Hashable {
  /// Id of the API token; nil while authentication is off. Owns the turns that the request stores.
  package var tokenID: String?
  package var permissions: Permissions

  package init(tokenID: String? = nil, permissions: Permissions) {
    self.tokenID = tokenID
    self.permissions = permissions
  }

  /// What belongs to it, and nothing else (native.md 6.12).
  package var ownChats: ChatScope { .owned(by: tokenID) }

  /// What it may list, show and delete: its own, or everybody's as the operator.
  package var visibleChats: ChatScope { permissions.allChats ? .all : ownChats }

  /// Everyone, while authentication is off: all permissions but the servers of mcp.json (native.md 3.10).
  package static let anonymous = Caller(permissions: .withoutAuthentication)
}
