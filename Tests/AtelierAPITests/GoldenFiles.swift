import AtelierAPI
import AtelierCore
import AtelierTesting
import Foundation

/// The wire files beside this one. `Events/*.json` are shared: every dialect's cases run the list their name begins with
/// (`text`, `text.usage`). With `ATELIER_UPDATE_GOLDEN=1` in the environment the expected files are written anew.
struct GoldenFiles {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")
  static let isUpdating = ProcessInfo.processInfo.environment["ATELIER_UPDATE_GOLDEN"] == "1"

  static func cases(_ dialect: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: dialect).path)) ?? []
    return names.filter { !$0.contains(".json") }.sorted()
  }

  static var eventLists: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: "Events").path)) ?? []
    return names.map { String($0.dropLast(".json".count)) }.sorted()
  }

  static func events(_ name: String) throws -> [GenerationEvent] {
    let list = String(name.split(separator: ".")[0])
    return try EventScript.events(try json("Events/\(list).json"))
  }

  static func json(_ path: String) throws -> JSONValue {
    try JSONValue(parsing: try Data(contentsOf: root.appending(path: path)))
  }

  /// The expected text; when updating, `actual` after writing it.
  static func expected(_ path: String, actual: String) throws -> String {
    let url = root.appending(path: path)
    if isUpdating { try Data(actual.utf8).write(to: url) }
    return String(decoding: try Data(contentsOf: url), as: UTF8.self)
  }

  /// JSON one can read and compare by eye: a member or an element a line.
  static func pretty(_ value: JSONValue, indent: String = "") -> String {
    let inner = indent + "  "
    switch value {
    case .array(let elements) where !elements.isEmpty:
      return "[\n" + elements.map { inner + pretty($0, indent: inner) }.joined(separator: ",\n") + "\n\(indent)]"
    case .object(let object) where !object.isEmpty:
      let members = object.map { "\(inner)\(JSONValue.string($0).serialized()): \(pretty($1, indent: inner))" }
      return "{\n" + members.joined(separator: ",\n") + "\n\(indent)}"
    default: return value.serialized()
    }
  }

  static func pretty(_ response: ErrorResponse) -> JSONValue {
    let headers = response.headers.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
    return [
      "status": .integer(Int64(response.status)), "headers": .object(JSONObject(headers)), "body": response.body,
    ]
  }
}
