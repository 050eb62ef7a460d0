import AtelierCore
import AtelierModels

/// The models on disk and their defaults, as the registry needs them.
package protocol ModelSource: Sendable {
  func models() async -> [ModelDescription]
  /// A key, `key@quant`, `publisher/repo` or `publisher/repo/file.gguf` (native.md 15.4, steps 3 to 5).
  func resolve(_ name: String) async -> ResolvedModel?
  /// Up to three keys the writer of an unknown name may have meant.
  func suggestions(for name: String) async -> [String]
  /// The user's defaults for the model (native.md 16.3).
  func defaults(forKey key: String) async -> ModelDefaults
  /// Bytes the load would take; nil when unknown.
  func estimatedBytes(_ variant: ModelVariant, _ configuration: LoadConfiguration) async -> Int64?
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

  package init(_ catalog: ModelCatalog) { self.catalog = catalog }

  package func models() async -> [ModelDescription] { await catalog.models() }

  package func resolve(_ name: String) async -> ResolvedModel? {
    guard let match = await catalog.resolve(name) else { return nil }
    let isVariantExplicit = name.contains("@") || name.lowercased().hasSuffix(".gguf")
    return ResolvedModel(model: match.model, variant: match.variant, isVariantExplicit: isVariantExplicit)
  }

  package func suggestions(for name: String) async -> [String] { await catalog.suggestions(for: name) }

  package func defaults(forKey key: String) async -> ModelDefaults { await catalog.defaults(forKey: key) }

  package func estimatedBytes(_ variant: ModelVariant, _ configuration: LoadConfiguration) async -> Int64? {
    await catalog.memoryEstimate(for: variant, configuration: configuration)?.total
  }
}
