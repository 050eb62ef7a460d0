/// What a load would take, and whether it may begin.
package struct LoadEstimate: Sendable, Hashable {
  package var modelKey: String
  /// Tokens.
  package var contextLength: Int
  /// Bytes, each.
  package var weights: Int64
  package var keyValueCache: Int64
  package var compute: Int64
  /// What could be used without swapping; nil when unknown.
  package var available: Int64?
  /// The guardrail lets it pass.
  package var fits: Bool

  package init(
    modelKey: String, contextLength: Int, weights: Int64, keyValueCache: Int64, compute: Int64, available: Int64?,
    fits: Bool
  ) {
    self.modelKey = modelKey
    self.contextLength = contextLength
    self.weights = weights
    self.keyValueCache = keyValueCache
    self.compute = compute
    self.available = available
    self.fits = fits
  }

  package var total: Int64 { weights + keyValueCache + compute }
}
