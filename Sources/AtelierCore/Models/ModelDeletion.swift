/// What deleting a model takes away.
package struct ModelDeletion: Sendable, Hashable {
  package var modelKey: String
  /// The variants' names, `key@quant`.
  package var variants: [String]
  /// Files, in absolute paths. Never shown to clients.
  package var paths: [String]
  /// Bytes that become free; a link frees none.
  package var freedBytes: Int64

  package init(modelKey: String, variants: [String], paths: [String], freedBytes: Int64) {
    self.modelKey = modelKey
    self.variants = variants
    self.paths = paths
    self.freedBytes = freedBytes
  }
}
