import AtelierCore

extension AtelierError {
  /// No route has this path. LM Studio's sentence, which clients know.
  package static func unknownEndpoint(method: String, path: String) -> AtelierError {
    AtelierError(.unknownEndpoint, unexpected(method, path))
  }

  /// The path exists, for other methods.
  package static func methodNotAllowed(method: String, path: String) -> AtelierError {
    AtelierError(.methodNotAllowed, unexpected(method, path))
  }

  private static func unexpected(_ method: String, _ path: String) -> String {
    "Unexpected endpoint or method. (\(FieldReader.shortened(method)) \(path.count <= 256 ? path : path.prefix(255) + "…"))"
  }
}
