import AtelierCore

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
