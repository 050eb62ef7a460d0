/// What a loaded model says of itself.
package struct EngineProperties: Sendable, Hashable, Codable {
  /// Tokens actually available, which may be less than asked for.
  package var contextLength: Int
  /// Numbers per embedding.
  package var embeddingLength: Int
  package var vocabularySize: Int
  package var architecture: String
  package var hasVision: Bool
  /// The model has a chat template of its own.
  package var hasChatTemplate: Bool
  package var parameterCount: Int64
  /// Bytes of weights, KV cache and compute buffers as the engine reports them.
  package var memoryBytes: Int64
  /// How the memory is laid out and which prompts can be reused, for the log.
  package var memoryNote: String?

  package init(
    contextLength: Int, embeddingLength: Int, vocabularySize: Int, architecture: String, hasVision: Bool,
    hasChatTemplate: Bool, parameterCount: Int64, memoryBytes: Int64
  ) {
    self.contextLength = contextLength
    self.embeddingLength = embeddingLength
    self.vocabularySize = vocabularySize
    self.architecture = architecture
    self.hasVision = hasVision
    self.hasChatTemplate = hasChatTemplate
    self.parameterCount = parameterCount
    self.memoryBytes = memoryBytes
  }
}
