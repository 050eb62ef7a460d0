import Foundation

/// The files of one or more models folders, `<root>/<publisher>/<repo>/<file>.gguf`, and what must stay the same for
/// the listing to stay true.
struct ModelTree: Sendable {
  struct File: Sendable {
    var path: String
    var publisher: String
    var repository: String
    var fileName: String
    var name: ModelFileName
    var stamp: FileStamp

    var relativePath: String { "\(publisher)/\(repository)/\(fileName)" }
    var folder: String { String(path.dropLast(fileName.count + 1)) }
  }

  /// Bounds for a tree that is no models folder at all, such as `/`.
  static let mostFiles = 10_000
  static let mostEntries = 100_000

  private(set) var files: [File] = []
  private(set) var problems: [SkippedFile] = []
  /// Folders and files by path; nil for what was missing.
  private(set) var stamps: [String: FileStamp?] = [:]
  /// A folder changed so recently that a further change might keep its time.
  private(set) var isSettled = true
  private var entries = 0

  /// File systems keep times in ticks of some milliseconds, network ones up to seconds.
  private static let tick: Int64 = 2_000_000_000

  init(roots: [URL], now: Date = Date()) {
    for root in roots {
      let root = root.path(percentEncoded: false)
      let path = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
      for publisher in list(path, "") where publisher.stamp.isFolder {
        for repository in list(publisher.path, publisher.name) where repository.stamp.isFolder {
          for file in list(repository.path, "\(publisher.name)/\(repository.name)") {
            add(file, publisher: publisher.name, repository: repository.name)
          }
        }
      }
    }
    let now = Int64(now.timeIntervalSince1970 * 1e9)
    isSettled = stamps.values.allSatisfy { stamp in stamp.map { abs($0.modified - now) > Self.tick } ?? true }
  }

  /// Cheap: one status call for each folder and model file.
  var isCurrent: Bool {
    isSettled && stamps.allSatisfy { path, stamp in FileStamp(path: path) == stamp }
  }

  private struct Entry {
    var name: String
    var path: String
    var stamp: FileStamp
  }

  /// A folder's visible entries by name. Model files too high in the tree are reported.
  private mutating func list(_ path: String, _ relative: String) -> [Entry] {
    stamps[path] = FileStamp(path: path)
    guard entries < Self.mostEntries, let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      return []
    }
    entries += names.count
    let depth = relative.split(separator: "/").count
    return names.sorted().compactMap { name in
      guard !name.hasPrefix("."), let stamp = FileStamp(path: "\(path)/\(name)") else { return nil }
      if depth < 2, !stamp.isFolder, ModelFileName(name) != nil {
        report(relative.isEmpty ? name : "\(relative)/\(name)", .wrongDepth)
      }
      return Entry(name: name, path: "\(path)/\(name)", stamp: stamp)
    }
  }

  private mutating func add(_ entry: Entry, publisher: String, repository: String) {
    let relative = "\(publisher)/\(repository)/\(entry.name)"
    if entry.stamp.isFolder {
      let inner = (try? FileManager.default.contentsOfDirectory(atPath: entry.path)) ?? []
      entries += inner.count
      for name in inner.sorted() where ModelFileName(name) != nil { report("\(relative)/\(name)", .wrongDepth) }
      return
    }
    guard let name = ModelFileName(entry.name) else { return }
    guard files.count < Self.mostFiles else { return report(relative, .tooManyFiles) }
    stamps[entry.path] = entry.stamp
    files.append(
      File(
        path: entry.path, publisher: publisher, repository: repository, fileName: entry.name, name: name,
        stamp: entry.stamp))
  }

  private mutating func report(_ path: String, _ reason: SkippedFile.Reason) {
    guard problems.count < 1000 else { return }
    problems.append(SkippedFile(relativePath: path, reason: reason))
  }
}
