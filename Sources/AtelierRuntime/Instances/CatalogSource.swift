import AtelierCore
import AtelierModels
import Logging

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
