import AtelierCore
import Foundation

/// mcp.json on disk. What is not ours in it stays as it is, in its place.
package struct MCPConfigurationFile: Sendable, Hashable {
  package let url: URL

  /// What tells one state of the file from another.
  package struct Stamp: Sendable, Hashable {
    var modified: Date
    var size: Int
    var number: UInt64
  }

  package struct Unwritable: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String { "mcp.json cannot be written" }
  }

  private static let largest = 4 << 20

  package init(_ url: URL) { self.url = url }

  /// nil when there is no file.
  package var stamp: Stamp? {
    let path = url.path(percentEncoded: false)
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
    return Stamp(
      modified: attributes[.modificationDate] as? Date ?? .distantPast,
      size: (attributes[.size] as? NSNumber)?.intValue ?? 0,
      number: (attributes[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0)
  }

  /// No file is an empty configuration.
  package func read() throws(MCPConfiguration.Unreadable) -> MCPConfiguration { MCPConfiguration(try document()) }

  /// Adds or replaces a server. Throws when the file that is there cannot be read, so that it is not lost.
  package func set(_ label: String, to value: JSONValue) throws {
    var document = try document()
    var servers = document[MCPConfiguration.key]?.objectValue ?? [:]
    servers[label] = value
    document[MCPConfiguration.key] = .object(servers)
    try write(document)
  }

  /// False when there is no such server.
  package func remove(_ label: String) throws -> Bool {
    var document = try document()
    var servers = document[MCPConfiguration.key]?.objectValue ?? [:]
    guard servers[label] != nil else { return false }
    servers[label] = nil
    document[MCPConfiguration.key] = .object(servers)
    try write(document)
    return true
  }

  private func document() throws(MCPConfiguration.Unreadable) -> JSONObject {
    guard let stamp else { return [:] }
    guard stamp.size <= Self.largest, let bytes = try? Data(contentsOf: url),
      let text = String(validating: bytes, as: UTF8.self)
    else { throw MCPConfiguration.Unreadable(description: "cannot be read as text") }
    if text.allSatisfy(\.isWhitespace) { return [:] }
    return try MCPConfiguration.document(text)
  }

  /// Readable by the owner only: it holds credentials.
  private func write(_ document: JSONObject) throws(Unwritable) {
    let text = IndentedJSON.text(.object(document)) + "\n"
    do throws(PrivateFile.Failure) { try PrivateFile.write(Array(text.utf8), to: url) } catch { throw Unwritable() }
  }
}
