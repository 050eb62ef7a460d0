import AtelierCore

/// The content of mcp.json: `{"mcpServers": {"label": {…}}}`.
package struct MCPConfiguration: Sendable, Hashable {
  /// In the order written.
  package private(set) var entries: [MCPServerEntry] = []
  /// Entries that cannot be used, by label, and why; the others can.
  package private(set) var problems: [Problem] = []

  package struct Problem: Sendable, Hashable {
    package var label: String
    package var reason: String
  }

  /// Why a text is no configuration at all.
  package struct Unreadable: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
  }

  static let key = "mcpServers"

  package init() {}

  package init(parsing text: String) throws(Unreadable) { self.init(try Self.document(text)) }

  package init(_ document: JSONObject) {
    for (label, value) in document[Self.key]?.objectValue ?? [:] {
      do throws(MCPServerEntry.Problem) { entries.append(try MCPServerEntry(label: label, value)) } catch {
        problems.append(Problem(label: label, reason: error.description))
      }
    }
  }

  static func document(_ text: String) throws(Unreadable) -> JSONObject {
    let value: JSONValue
    do { value = try JSONValue(parsing: text) } catch {
      throw Unreadable(description: "not JSON (\(error.reason) at byte \(error.offset))")
    }
    guard case .object(let document) = value else { throw Unreadable(description: "must hold a JSON object") }
    guard document[key]?.objectValue != nil || document[key] == nil else {
      throw Unreadable(description: "'\(key)' must be an object")
    }
    return document
  }
}
