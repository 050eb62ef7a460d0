import AtelierCore
import AtelierModels
import Logging
import Synchronization

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

/// A model on disk and which of its variants is meant.
package struct ResolvedModel: Sendable, Hashable {
  package var model: ModelDescription
  package var variant: Int
  /// The caller named the variant, so an instance of another one does not do.
  package var isVariantExplicit: Bool

  package init(model: ModelDescription, variant: Int? = nil, isVariantExplicit: Bool = false) {
    self.model = model
    self.variant = variant ?? model.selectedVariant
    self.isVariantExplicit = isVariantExplicit
  }
}

/// The catalog of the models folder as the registry's source.
package struct CatalogSource: ModelSource {
  private let catalog: ModelCatalog
  private let complaints: Complaints

  package init(_ catalog: ModelCatalog, logger: Logger = Logger(label: "models")) {
    self.catalog = catalog
    complaints = Complaints(logger)
  }

  package func models() async -> [ModelDescription] {
    let models = await catalog.models()
    complaints.note(await catalog.skipped().map(\.description) + catalog.problems())
    return models
  }

  package func resolve(_ name: String) async -> ResolvedModel? {
    guard let match = await catalog.resolve(name) else { return nil }
    let isVariantExplicit = name.contains("@") || name.lowercased().hasSuffix(".gguf")
    return ResolvedModel(model: match.model, variant: match.variant, isVariantExplicit: isVariantExplicit)
  }

  package func suggestions(for name: String) async -> [String] { await catalog.suggestions(for: name) }

  package func defaults(forKey key: String) async -> ModelDefaults { await catalog.defaults(forKey: key) }

  package func vocabulary(of variant: ModelVariant) async -> ModelVocabulary? {
    await catalog.vocabulary(of: variant)
  }

  /// For a file that went away or says nothing: its size and a twentieth for buffers.
  package func estimate(
    _ variant: ModelVariant, _ kind: ModelKind, _ configuration: LoadConfiguration
  ) async -> MemoryEstimate {
    await catalog.memoryEstimate(for: variant, kind: kind, configuration: configuration)
      ?? MemoryEstimate(weights: variant.sizeBytes, keyValueCache: 0, compute: variant.sizeBytes / 20)
  }
}

/// Logs what is wrong with model files and their settings, each thing once as long as it stays.
private final class Complaints: Sendable {
  private let logger: Logger
  private let known = Mutex<Set<String>>([])

  init(_ logger: Logger) { self.logger = logger }

  func note(_ texts: [String]) {
    let fresh = known.withLock { known in
      let now = Set(texts)
      defer { known = now }
      return now.subtracting(known)
    }
    for text in fresh.sorted() { logger.warning("not used: \(text)") }
  }
}
