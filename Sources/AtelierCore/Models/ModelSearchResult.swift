/// What a search for models to download found.
package struct ModelSearchResult: Sendable, Hashable {
  /// The catalog's first, each part best first.
  package var models: [FoundModel]
  /// Why the hub was not searched although it was asked for.
  package var hubError: AtelierError?

  package init(models: [FoundModel], hubError: AtelierError? = nil) {
    self.models = models
    self.hubError = hubError
  }
}
