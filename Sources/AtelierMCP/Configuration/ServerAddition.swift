import AtelierCore
import Foundation

/// A server to be added, as people pass it around: a link of a web page, or JSON.
package struct ServerAddition: Sendable, Hashable {
  package var label: String
  /// The entry as it goes into mcp.json.
  package var value: JSONValue

  package init(label: String, value: JSONValue) {
    self.label = label
    self.value = value
  }

  package struct Unreadable: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
  }

  /// Takes `lmstudio://add_mcp?name=<label>&config=<base64>` (native.md 13.12; other schemes with the same two fields too),
  /// a whole mcp.json, `{"label": {…}}`, or with `label` the bare entry. Every entry is checked.
  package static func parse(_ text: String, label: String? = nil) throws(Unreadable) -> [ServerAddition] {
    let trimmed = PlainText.trimmed(text)
    let additions = trimmed.hasPrefix("{") ? try fromJSON(trimmed, label) : [try fromLink(trimmed, label)]
    guard !additions.isEmpty else { throw Unreadable(description: "It names no server.") }
    for addition in additions {
      do throws(MCPServerEntry.Problem) { _ = try MCPServerEntry(label: addition.label, addition.value) } catch {
        throw Unreadable(description: "Server '\(addition.label)': \(error.description).")
      }
    }
    return additions
  }

  private static func fromJSON(_ text: String, _ label: String?) throws(Unreadable) -> [ServerAddition] {
    guard let document = (try? JSONValue(parsing: text))?.objectValue else {
      throw Unreadable(description: "It is no JSON object.")
    }
    if document["command"] != nil || document["url"] != nil {
      guard let label else { throw Unreadable(description: "The server needs a name: add --name.") }
      return [ServerAddition(label: label, value: .object(document))]
    }
    let servers = document[MCPConfiguration.key]?.objectValue ?? document
    return servers.map { ServerAddition(label: servers.count == 1 ? label ?? $0 : $0, value: $1) }
  }

  private static func fromLink(_ text: String, _ label: String?) throws(Unreadable) -> ServerAddition {
    guard let parts = URLComponents(string: text), parts.scheme != nil, let items = parts.queryItems,
      let name = label ?? items.first(where: { $0.name == "name" })?.value,
      let coded = items.first(where: { $0.name == "config" })?.value
    else { throw Unreadable(description: "It is neither JSON nor a link with 'name' and 'config'.") }
    // A plus sign of base64 may have come as a space, and the URL form of base64 has other signs.
    var plain = coded.replacing(" ", with: "+").replacing("-", with: "+").replacing("_", with: "/")
    while plain.count % 4 != 0 { plain.append("=") }
    guard let bytes = Data(base64Encoded: plain), let value = try? JSONValue(parsing: bytes) else {
      throw Unreadable(description: "The link's 'config' is no JSON in base64.")
    }
    return ServerAddition(label: name, value: value)
  }
}
