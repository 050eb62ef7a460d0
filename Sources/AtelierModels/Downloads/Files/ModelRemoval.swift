import AtelierCore
import Foundation

/// What deleting a model would remove, checked before anything is touched: every file lies in the models folder itself,
/// also when the folders on the way to it are symbolic links. Of a linked file the link goes, never what it leads to.
struct ModelRemoval {
  let deletion: ModelDeletion
  /// Real paths of the folders that files go from.
  let folders: Set<String>
  private let root: String

  /// - Parameter name: a model's key or `publisher/repository` for all its variants, `key@quant` or
  ///   `publisher/repository/file.gguf` for one. Nothing looser, because a near miss would delete another model.
  /// Throws `modelNotFound`, and `invalidValue` when a file lies elsewhere.
  init(of name: String, in index: ModelIndex, models: URL) throws(AtelierError) {
    guard let match = index.resolve(name) else { throw Self.notFound(name) }
    let model = match.model
    let folded = name.lowercased()
    let variants: [ModelVariant]
    if [model.key, "\(model.publisher)/\(model.repository)"].contains(where: { $0.lowercased() == folded }) {
      variants = model.variants
    } else if let variant = model.variants.first(where: {
      $0.name.lowercased() == folded || $0.relativePath.lowercased() == folded
    }) {
      variants = [variant]
    } else {
      throw Self.notFound(name)
    }
    let staying = index.models.flatMap(\.variants).filter { !variants.contains($0) }
    let projectors = Set(variants.compactMap(\.projector)).subtracting(staying.compactMap(\.projector))
    let paths = variants.flatMap(\.files) + projectors.sorted()

    guard let root = Self.real(models.path(percentEncoded: false)) else { throw Self.elsewhere(model.key) }
    var folders: Set<String> = []
    var freed: Int64 = 0
    for path in paths {
      guard let folder = Self.real(Self.parent(path)), folder.hasPrefix(root == "/" ? root : root + "/") else {
        throw Self.elsewhere(model.key)
      }
      folders.insert(folder)
      var status = stat()
      if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 {
        freed += Int64(status.st_size)
      }
    }
    self.root = root
    self.folders = folders
    deletion = ModelDeletion(
      modelKey: model.key, variants: variants.map(\.name), paths: paths, freedBytes: freed)
  }

  /// Removes the files, then the folders that have become empty. Throws when one cannot be removed; the others are gone.
  func perform() throws(AtelierError) {
    var failure: Int32?
    for path in deletion.paths where unlink(path) != 0 && errno != ENOENT { failure = errno }
    for folder in folders where rmdir(folder) == 0 {
      let publisher = Self.parent(folder)
      if publisher != root { rmdir(publisher) }
    }
    if let failure {
      throw AtelierError(
        .internalError, "Not all files of '\(deletion.modelKey)' can be deleted (errno \(failure)).", param: "model")
    }
  }

  /// Whether the file is among those that go. Only before they have gone, because its folder goes with them.
  func removes(_ file: URL) -> Bool {
    let name = file.lastPathComponent
    return isIn(file.deletingLastPathComponent()) && deletion.paths.contains { $0.hasSuffix("/" + name) }
  }

  /// Whether files go from this folder.
  func isIn(_ folder: URL) -> Bool {
    let path = folder.path(percentEncoded: false)
    return Self.real(path).map(folders.contains) ?? false
  }

  private static func parent(_ path: String) -> String {
    let parent = path.split(separator: "/").dropLast().joined(separator: "/")
    return path.hasPrefix("/") ? "/" + parent : parent
  }

  private static func real(_ path: String) -> String? {
    guard let pointer = realpath(path, nil) else { return nil }
    defer { free(pointer) }
    return String(cString: pointer)
  }

  private static func notFound(_ name: String) -> AtelierError {
    AtelierError(.modelNotFound, "There is no model '\(name.prefix(120))'.", param: "model")
  }

  private static func elsewhere(_ key: String) -> AtelierError {
    AtelierError(
      .invalidValue, "'\(key)' lies outside the folder this server keeps its models in; delete it where it is.",
      param: "model")
  }
}
