import AtelierCore

/// What clients fetch to learn that a server is there. Open to everyone.
package enum ServerRoot {
  /// `GET /`.
  package static func body(version: String) -> JSONValue {
    ["name": "atelier", "lmstudio_compatible": true, "version": .string(version)]
  }

  /// `GET /lmstudio-greeting`: LM Studio's command line tool and SDKs probe it with a short timeout.
  package static let greeting: JSONValue = ["lmstudio": true]
}
