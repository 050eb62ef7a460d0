import AtelierCore

/// What negotiation found out.
package struct ServerDescription: Sendable, Hashable {
  package var version: ProtocolVersion
  /// As the server calls itself; for people.
  package var name: String?
  package var serverVersion: String?
  package var hasTools: Bool
  /// The server says when its list of tools changes.
  package var announcesToolChanges: Bool

  /// From the answer to `initialize`.
  init(version: ProtocolVersion, initialized result: JSONObject) {
    self.init(version: version, capabilities: result["capabilities"], info: result["serverInfo"])
  }

  /// From the answer to `server/discover`.
  init(version: ProtocolVersion, discovered result: JSONObject) {
    self.init(
      version: version, capabilities: result["capabilities"], info: result["_meta"]?[StatelessEnvelope.serverInfo])
  }

  private init(version: ProtocolVersion, capabilities: JSONValue?, info: JSONValue?) {
    self.version = version
    name = info?["name"]?.stringValue.map { PlainText.line($0, limit: 100) }
    serverVersion = info?["version"]?.stringValue.map { PlainText.line($0, limit: 50) }
    hasTools = capabilities?["tools"]?.objectValue != nil
    announcesToolChanges = capabilities?["tools"]?["listChanged"] == true
  }
}
