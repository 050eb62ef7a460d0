import AtelierCore
import AtelierModels

/// The models on disk and their defaults, as the registry needs them.
package protocol ModelSource: Sendable {
  func models() async -> [ModelDescription]
  /// A key, `key@quant`, `publisher/repo` or `publisher/repo/file.gguf` (native.md 15.4, steps 3 to 5).
  func resolve(_ name: String) async -> ResolvedModel?
  /// Up to three keys the writer of an unknown name may have meant.
  func suggestions(for name: String) async -> [String]
  /// The user's defaults for the model, its `model.yaml`'s and its file's (native.md 16.3).
  func defaults(forKey key: String) async -> ModelDefaults
  /// What the load would take.
  func estimate(_ variant: ModelVariant, _ kind: ModelKind, _ configuration: LoadConfiguration) async -> MemoryEstimate
  /// nil when it cannot be told.
  func vocabulary(of variant: ModelVariant) async -> ModelVocabulary?
}
