/// What a worker is told to load.
package struct EngineLoad: Sendable, Hashable, Codable {
  package var kind: ModelKind
  /// The model file, or its shards in order. Absolute paths.
  package var files: [String]
  package var projector: String?
  package var configuration: LoadConfiguration
  /// A Jinja template in place of the file's own.
  package var chatTemplate: String?
  /// What the model's reasoning stands between, where its template does not tell.
  package var reasoningTags: ReasoningTags?
  /// Requests that wait for their turn at most, and seconds one waits at most.
  package var maxWaiting = 64
  package var waitingSeconds = 120
  /// Only the vocabulary and the template are read: such an engine counts the tokens of prompts without images, quickly and
  /// in little memory, and can do nothing else.
  package var isVocabularyOnly = false
  /// Bytes the model is expected to take; nil: unknown.
  package var estimatedBytes: Int64?

  package init(
    kind: ModelKind, files: [String], projector: String?, configuration: LoadConfiguration,
    chatTemplate: String? = nil, reasoningTags: ReasoningTags? = nil
  ) {
    self.kind = kind
    self.files = files
    self.projector = projector
    self.configuration = configuration
    self.chatTemplate = chatTemplate
    self.reasoningTags = reasoningTags
  }
}
