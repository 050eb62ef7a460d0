/// One quantization of a model: the files that are loaded together.
package struct ModelVariant: Sendable, Hashable, Codable {
  /// `key@q4_1`.
  package var name: String
  package var quantization: Quantization?
  /// Absolute paths: the model file, or its shards in order.
  package var files: [String]
  /// Absolute path of the projector beside it, if any.
  package var projector: String?
  /// All files and the projector.
  package var sizeBytes: Int64
  /// Seconds since 1970.
  package var modified: Int64
  /// Relative to its models folder, such as `publisher/repo/file.gguf`.
  package var relativePath: String

  package init(
    name: String, quantization: Quantization?, files: [String], projector: String?, sizeBytes: Int64,
    modified: Int64, relativePath: String
  ) {
    self.name = name
    self.quantization = quantization
    self.files = files
    self.projector = projector
    self.sizeBytes = sizeBytes
    self.modified = modified
    self.relativePath = relativePath
  }
}
