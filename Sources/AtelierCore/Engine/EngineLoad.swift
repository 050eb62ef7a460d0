/// What a worker is told to load.
package struct EngineLoad: Sendable, Hashable, Codable {
  package var kind: ModelKind
  /// The model file, or its shards in order. Absolute paths.
  package var files: [String]
  package var projector: String?
  package var configuration: LoadConfiguration

  package init(kind: ModelKind, files: [String], projector: String?, configuration: LoadConfiguration) {
    self.kind = kind
    self.files = files
    self.projector = projector
    self.configuration = configuration
  }
}
