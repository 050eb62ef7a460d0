import AtelierCore
import Foundation

/// The model files of one or more folders, and what must stay the same for the listing to stay true.
///
/// The first folder is laid out `<root>/<publisher>/<repo>/<file>.gguf`. Each further one may be laid out so (as LM Studio
/// does), may be a Hugging Face cache, or an Ollama store; which one is seen from its content.
struct ModelTree: Sendable {
  struct File: Sendable {
    var path: String
    var publisher: String
    var repository: String
    /// Relative to the repository.
    var fileName: String
    var name: ModelFileName
    var stamp: FileStamp
    /// Shards and projectors belong to the files of their folder.
    var folder: String
    /// Place of its root.
    var root: Int

    var relativePath: String { "\(publisher)/\(repository)/\(fileName)" }
  }

  struct Entry {
    var name: String
    var path: String
    var stamp: FileStamp
  }

  /// Bounds for a tree that is no models folder at all, such as `/`.
  static let mostFiles = 10_000
  static let mostEntries = 100_000

  private(set) var files: [File] = []
  private(set) var problems: [SkippedFile] = []
  /// Folders and files by path; nil for what was missing.
  private(set) var stamps: [String: FileStamp?] = [:]
  private var isSettled = true
  private var entries = 0
  /// Where a file was seen first.
  private var seen: [FileStamp.Identity: (root: Int, path: String)] = [:]

  init(roots: [URL], now: Date = Date()) {
    var known: Set<FileStamp.Identity> = []
    for (place, root) in roots.enumerated() {
      let path = Self.path(of: root)
      // One folder under two names is one folder.
      if let stamp = FileStamp(path: path), !known.insert(stamp.identity).inserted { continue }
      if place == 0 { addStandard(path, root: place, except: []) } else { addForeign(path, root: place) }
    }
    isSettled = FileStamp.areSettled(stamps.values, now: now)
  }

  /// Cheap: one status call for each folder and model file.
  var isCurrent: Bool {
    isSettled && stamps.allSatisfy { path, stamp in FileStamp(path: path) == stamp }
  }

  private static func path(of root: URL) -> String {
    let path = root.path(percentEncoded: false)
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  // MARK: Layouts

  private mutating func addForeign(_ path: String, root: Int) {
    var taken: Set<String> = []
    for entry in entries(of: path) where entry.stamp.isFolder {
      switch entry.name {
      case _ where Self.isHubCacheFolder(entry.name):
        addHubCache(entry, root: root)
        taken.insert(entry.name)
      // The folder above a cache or store does as well.
      case "hub":
        let inner = entries(of: entry.path).filter { $0.stamp.isFolder && Self.isHubCacheFolder($0.name) }
        for entry in inner { addHubCache(entry, root: root) }
        if !inner.isEmpty { taken.insert(entry.name) }
      case "models" where Self.isOllamaStore(entry.path):
        addOllamaStore(entry.path, root: root)
        taken.insert(entry.name)
      default: break
      }
    }
    if Self.isOllamaStore(path) {
      addOllamaStore(path, root: root)
      taken.formUnion(["manifests", "blobs"])
    }
    addStandard(path, root: root, except: taken)
  }

  private mutating func addStandard(_ path: String, root: Int, except taken: Set<String>) {
    for publisher in list(path, "") where publisher.stamp.isFolder && !taken.contains(publisher.name) {
      for repository in list(publisher.path, publisher.name) where repository.stamp.isFolder {
        for entry in list(repository.path, "\(publisher.name)/\(repository.name)") {
          addStandard(entry, publisher: publisher.name, repository: repository.name, root: root)
        }
      }
    }
  }

  private mutating func addStandard(_ entry: Entry, publisher: String, repository: String, root: Int) {
    guard !entry.stamp.isFolder else {
      let inner = (try? FileManager.default.contentsOfDirectory(atPath: entry.path)) ?? []
      entries += inner.count
      for name in inner.sorted() where ModelFileName(name) != nil {
        report("\(publisher)/\(repository)/\(entry.name)/\(name)", .wrongDepth)
      }
      return
    }
    guard let name = ModelFileName(entry.name) else { return }
    add(
      File(
        path: entry.path, publisher: publisher, repository: repository, fileName: entry.name, name: name,
        stamp: entry.stamp, folder: String(entry.path.dropLast(entry.name.count + 1)), root: root))
  }

  // MARK: Parts of all layouts

  mutating func add(_ file: File) {
    guard files.count < Self.mostFiles else { return report(file.relativePath, .tooManyFiles) }
    stamps[file.path] = file.stamp
    if let first = seen[file.stamp.identity] {
      // Links within a root are the user's own arrangement.
      if first.root != file.root { return report(file.relativePath, .duplicate(of: first.path)) }
    } else {
      seen[file.stamp.identity] = (file.root, file.relativePath)
    }
    files.append(file)
  }

  /// A folder's visible entries by name; none when it is missing.
  mutating func entries(of path: String) -> [Entry] {
    stamps[path] = FileStamp(path: path)
    guard entries < Self.mostEntries, let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      return []
    }
    entries += names.count
    return names.sorted().compactMap { name in
      guard !name.hasPrefix("."), let stamp = FileStamp(path: "\(path)/\(name)") else { return nil }
      return Entry(name: name, path: "\(path)/\(name)", stamp: stamp)
    }
  }

  /// A file's status, looked at again before each answer.
  mutating func noted(_ path: String) -> FileStamp? {
    let stamp = FileStamp(path: path)
    stamps[path] = stamp
    return stamp
  }

  /// A small file's text, and a look at it before each answer.
  mutating func text(ofFileAt path: String, longest: Int64 = 64 << 10) -> String? {
    guard let stamp = noted(path), !stamp.isFolder, stamp.size <= longest,
      let data = FileManager.default.contents(atPath: path)
    else { return nil }
    return String(validating: data, as: UTF8.self)
  }

  /// `entries`, with a word on model files that lie too high in the tree.
  private mutating func list(_ path: String, _ relative: String) -> [Entry] {
    let found = entries(of: path)
    guard relative.split(separator: "/").count < 2 else { return found }
    for entry in found where !entry.stamp.isFolder && ModelFileName(entry.name) != nil {
      report(relative.isEmpty ? entry.name : "\(relative)/\(entry.name)", .wrongDepth)
    }
    return found
  }

  private mutating func report(_ path: String, _ reason: SkippedFile.Reason) {
    guard problems.count < 1000 else { return }
    problems.append(SkippedFile(relativePath: path, reason: reason))
  }
}
