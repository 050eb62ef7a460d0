/// A file of a repository, as the hub lists it.
package struct HubFile: Sendable, Hashable {
  /// In the repository, with folders.
  package var path: String
  /// Bytes.
  package var size: Int64
  /// Lower-case hexadecimal; nil for a file that is not in large-file storage.
  package var sha256: String?

  package init(path: String, size: Int64, sha256: String? = nil) {
    self.path = path
    self.size = size
    self.sha256 = sha256
  }

  package var fileName: String { String(path.split(separator: "/").last ?? "") }
}
