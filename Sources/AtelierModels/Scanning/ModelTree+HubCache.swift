import AtelierCore
import Foundation

/// The cache of Hugging Face's clients: `models--<owner>--<name>/snapshots/<revision>/<file>`, where files are links into
/// `blobs` (huggingface_hub's cache layout). A file whose download has not ended has no link yet.
extension ModelTree {
  static func isHubCacheFolder(_ name: String) -> Bool { hubRepository(name) != nil }

  /// Owner and name; nil for repositories without an owner and for everything else.
  private static func hubRepository(_ folder: String) -> (owner: String, name: String)? {
    guard folder.hasPrefix("models--"), let border = folder.dropFirst(8).firstRange(of: "--") else { return nil }
    let owner = folder[folder.index(folder.startIndex, offsetBy: 8)..<border.lowerBound]
    let name = folder[border.upperBound...]
    return owner.isEmpty || name.isEmpty ? nil : (String(owner), String(name))
  }

  mutating func addHubCache(_ folder: Entry, root: Int) {
    guard let (owner, name) = Self.hubRepository(folder.name) else { return }
    let current = text(ofFileAt: "\(folder.path)/refs/main", longest: 256)
      .flatMap { $0.split(whereSeparator: \.isWhitespace).first.map(String.init) }
    // The branch's own revision first, then the newest: a name that stands in several counts once.
    let revisions = entries(of: "\(folder.path)/snapshots").filter(\.stamp.isFolder).sorted {
      ($0.name == current ? 0 : 1, $1.stamp.modified) < ($1.name == current ? 0 : 1, $0.stamp.modified)
    }
    var known: Set<String> = []
    for revision in revisions {
      for entry in entries(of: revision.path) {
        if entry.stamp.isFolder {
          for inner in entries(of: entry.path) where !inner.stamp.isFolder {
            addHubFile(
              inner, as: "\(entry.name)/\(inner.name)", owner, name, revision: revision, root: root, &known)
          }
        } else {
          addHubFile(entry, as: entry.name, owner, name, revision: revision, root: root, &known)
        }
      }
    }
  }

  private mutating func addHubFile(
    _ entry: Entry, as fileName: String, _ owner: String, _ repository: String, revision: Entry, root: Int,
    _ known: inout Set<String>
  ) {
    guard let name = ModelFileName(entry.name), known.insert(fileName).inserted else { return }
    add(
      File(
        path: entry.path, publisher: owner, repository: repository, fileName: fileName, name: name,
        stamp: entry.stamp, folder: revision.path, root: root))
  }
}
