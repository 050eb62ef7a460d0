import AtelierCore
import AtelierEgress
import Foundation

/// What a client's `model` and `quantization` name (native.md 10.1, 10.6, 10.7).
package enum DownloadTarget: Sendable, Hashable {
  /// An id that is looked up in the catalog and then on the hub.
  case catalog(RepositoryName, quantization: String?)
  /// A repository by its link; a link to a file pins the choice.
  case link(RepositoryName, revision: String, file: String?, quantization: String?)

  static let mainRevision = "main"
  private static let longest = 2048

  /// `hub` is the origin that links must have; `https://huggingface.co` is always accepted.
  package init(_ request: DownloadRequest, hub: Origin) throws(AtelierError) {
    let text = request.model
    guard text.utf8.count <= Self.longest else { throw Self.invalid("'model' is too long.") }
    if text.contains("://") {
      self = try Self.link(text, quantization: request.quantization, hub: hub)
      return
    }
    guard request.quantization == nil else {
      throw AtelierError(
        .notImplemented,
        "'quantization' works with Hugging Face links only; with a catalog id write model@quantization.",
        param: "quantization")
    }
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count <= 2, let name = RepositoryName(parts[0]) else {
      throw Self.invalid("'model' must be a catalog id such as publisher/name, or a Hugging Face link.")
    }
    let quantization = parts.count == 2 ? try Self.quantization(String(parts[1]), param: "model") : nil
    self = .catalog(name, quantization: quantization)
  }

  private static func link(
    _ text: String, quantization: String?, hub: Origin
  ) throws(AtelierError) -> DownloadTarget {
    let standard = Origin(scheme: .https, host: "huggingface.co", port: 443)
    guard let url = WebAddress(text), url.origin == standard || url.origin == hub else {
      throw invalid("'model' must be a link to \(hub), such as \(hub)/owner/repository.")
    }
    let path = url.target.prefix { $0 != "?" && $0 != "#" }
    var parts: [String] = []
    for part in path.split(separator: "/") {
      guard let decoded = String(part).removingPercentEncoding else { throw invalid("'model' is no valid link.") }
      parts.append(decoded)
    }
    guard parts.count >= 2, let repository = RepositoryName(owner: parts[0], name: parts[1]) else {
      throw invalid("'model' must name a repository: \(hub)/owner/repository.")
    }
    let wanted = try quantization.map { text throws(AtelierError) in try Self.quantization(text, param: "quantization")
    }
    if parts.count == 2 {
      return .link(repository, revision: mainRevision, file: nil, quantization: wanted)
    }
    guard parts.count >= 4, ["tree", "blob", "resolve"].contains(parts[2]), isRevision(parts[3]) else {
      throw invalid("'model' must link to a repository, a branch of it, or a file in it.")
    }
    if parts[2] == "tree" {
      guard parts.count == 4 else { throw invalid("'model' may not link to a folder.") }
      return .link(repository, revision: parts[3], file: nil, quantization: wanted)
    }
    let file = parts[4...].joined(separator: "/")
    guard parts.count >= 5, ModelFileName(parts[parts.count - 1]) != nil else {
      throw invalid("'model' must link to a .gguf file.")
    }
    guard wanted == nil else {
      throw AtelierError(
        .invalidValue, "'quantization' cannot be combined with a link to one file.", param: "quantization")
    }
    return .link(repository, revision: parts[3], file: file, quantization: nil)
  }

  /// A branch, tag or commit.
  static func isRevision(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count) && !text.contains("..") && !text.hasPrefix("/") && !text.hasPrefix("-")
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
          || "-._/".utf8.contains(byte)
      }
  }

  private static func quantization(_ text: String, param: String) throws(AtelierError) -> String {
    guard RepositoryName.isSafe(text), text.utf8.count <= 32 else {
      throw AtelierError(.invalidValue, "'\(param)' does not name a quantization.", param: param)
    }
    return text.uppercased()
  }

  private static func invalid(_ message: String) -> AtelierError {
    AtelierError(.invalidValue, message, param: "model")
  }
}
