/// A file in a models folder that is not listed, and why; for logs.
package struct SkippedFile: Sendable, Hashable {
  package enum Reason: Sendable, Hashable {
    /// Model files lie exactly two folders deep.
    case wrongDepth
    case tooManyFiles
    case header(GGUFError)
    case missingShards(have: Int, of: Int)
    /// The shards' headers contradict their names.
    case mixedShards
    /// A vocabulary, an adapter or another kind of file.
    case noModel
    /// Another file has the same model and quantization.
    case duplicate(of: String)
  }

  /// Relative to its models folder.
  package var relativePath: String
  package var reason: Reason

  package init(relativePath: String, reason: Reason) {
    self.relativePath = relativePath
    self.reason = reason
  }
}

extension SkippedFile: CustomStringConvertible {
  package var description: String { "\(relativePath): \(reason)" }
}

extension SkippedFile.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .wrongDepth: "models lie two folders deep: publisher/repository/file.gguf"
    case .tooManyFiles: "more model files than are listed"
    case .header(let error): error.description
    case .missingShards(let have, let count): "\(have) of \(count) parts are here"
    case .mixedShards: "the parts do not belong together"
    case .noModel: "holds no model"
    case .duplicate(let other): "the same model and quantization as \(other)"
    }
  }
}
