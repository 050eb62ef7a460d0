import AtelierCore
import Foundation

/// Ollama's store: `manifests/<host>/<namespace>/<model>/<tag>` are small JSON files that name the layers of a model,
/// which lie in `blobs` under their SHA-256 (the OCI image layout with Ollama's media types).
extension ModelTree {
  static func isOllamaStore(_ path: String) -> Bool {
    FileStamp(path: "\(path)/manifests")?.isFolder == true && FileStamp(path: "\(path)/blobs")?.isFolder == true
  }

  mutating func addOllamaStore(_ path: String, root: Int) {
    for host in entries(of: "\(path)/manifests") where host.stamp.isFolder {
      for space in entries(of: host.path) where space.stamp.isFolder {
        for model in entries(of: space.path) where model.stamp.isFolder {
          // `latest` is mostly another name of a tag that says more.
          let tags = entries(of: model.path).filter { !$0.stamp.isFolder }
            .sorted { ($0.name == "latest" ? 1 : 0, $0.name) < ($1.name == "latest" ? 1 : 0, $1.name) }
          var known: Set<String> = []
          for tag in tags { addOllamaModel(tag, of: model.name, space.name, store: path, root: root, &known) }
        }
      }
    }
  }

  private mutating func addOllamaModel(
    _ tag: Entry, of model: String, _ space: String, store: String, root: Int, _ known: inout Set<String>
  ) {
    guard let text = text(ofFileAt: tag.path), let manifest = try? JSONValue(parsing: text) else { return }
    let layers = (manifest["layers"]?.arrayValue ?? []).prefix(64)
    func digests(_ kind: String) -> [String] {
      layers.filter { $0["mediaType"]?.stringValue == "application/vnd.ollama.image.\(kind)" }
        .compactMap { $0["digest"]?.stringValue.flatMap(Self.blobName) }
    }
    let weights = digests("model")
    guard weights.count == 1, known.insert(weights[0]).inserted else { return }
    let stem = tag.name == "latest" ? model : "\(model)-\(tag.name)"
    let named = [(weights[0], "\(stem).gguf")] + digests("projector").prefix(1).map { ($0, "mmproj-\(stem).gguf") }
    for (blob, fileName) in named {
      let path = "\(store)/blobs/\(blob)"
      // A model whose download has not ended lacks its blob.
      guard let stamp = noted(path), !stamp.isFolder, let name = ModelFileName(fileName) else { return }
      add(
        File(
          path: path, publisher: space, repository: model, fileName: fileName, name: name, stamp: stamp,
          folder: tag.path, root: root))
    }
  }

  /// `sha256:0a1b…` as the name of its file; nil when it is anything else, so that no path can hide in it.
  private static func blobName(_ digest: String) -> String? {
    let parts = digest.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0] == "sha256", parts[1].utf8.count == 64,
      parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    return "sha256-\(parts[1])"
  }
}
