import AtelierCore

/// How we introduce ourselves to servers.
package struct ClientIdentity: Sendable, Hashable {
  package var name: String
  package var version: String

  package init(name: String = "atelier", version: String) {
    self.name = name
    self.version = version
  }

  var json: JSONValue { ["name": .string(name), "version": .string(version)] }
}
