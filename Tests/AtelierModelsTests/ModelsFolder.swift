import AtelierTesting
import Foundation

/// A models folder of its own that goes with the value's last use.
final class ModelsFolder {
  let root: URL

  init() throws {
    root = FileManager.default.temporaryDirectory.appending(path: "atelier-models-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  func url(_ path: String) -> URL { root.appending(path: path) }

  func add(_ path: String, _ writer: GGUFWriter = .llm()) throws { try writer.write(to: url(path)) }

  func add(_ path: String, bytes: String) throws {
    try FileManager.default.createDirectory(
      at: url(path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes.utf8).write(to: url(path))
  }

  /// Moves every time in the tree into the past, so that lists settle.
  func age() throws {
    let past = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -3600)]
    let paths = try FileManager.default.subpathsOfDirectory(atPath: root.path())
    for path in paths + [""] { try FileManager.default.setAttributes(past, ofItemAtPath: url(path).path()) }
  }
}
