/// A file of a job.
package struct DownloadFile: Sendable, Hashable {
  /// Its path in the repository.
  package var path: String
  /// Its name in the model's folder.
  package var localName: String
  package var size: Int64
  package var sha256: String?
  /// It has its final name.
  package var isDone = false
  /// This downloader wrote the file with the final name, so it may replace it.
  package var isOurs = false
  /// What a part file holds belongs to this very file, so its bytes count. Without a hash only the journal can know.
  package var keepsPart: Bool

  package init(path: String, localName: String, size: Int64, sha256: String?, isDone: Bool = false) {
    self.path = path
    self.localName = localName
    self.size = size
    self.sha256 = sha256
    self.isDone = isDone
    keepsPart = sha256 != nil
  }

  /// Files of folders are laid flat; where two would get the same name, the folder goes before it.
  static func plan(_ files: [HubFile], in listing: [HubFile]) -> [DownloadFile] {
    let counts = Dictionary(listing.map { ($0.fileName, 1) }, uniquingKeysWith: +)
    return files.map { file in
      let isUnique = counts[file.fileName, default: 1] == 1
      return DownloadFile(
        path: file.path, localName: isUnique ? file.fileName : file.path.split(separator: "/").joined(separator: "-"),
        size: file.size, sha256: file.sha256)
    }
  }

  var hubFile: HubFile { HubFile(path: path, size: size, sha256: sha256) }
}
