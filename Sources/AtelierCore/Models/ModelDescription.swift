/// A model on disk, as the lists show it. One entry per key; several quantizations are variants of it.
package struct ModelDescription: Sendable, Hashable, Codable {
  package var key: String
  package var kind: ModelKind
  package var publisher: String
  /// The repository folder's name.
  package var repository: String
  package var displayName: String
  package var architecture: String?
  /// `135M`, `26B-A4B`.
  package var parameters: String?
  /// Tokens the model was trained for.
  package var maxContextLength: Int
  package var capabilities: ModelCapabilities
  /// True for mixture-of-experts models.
  package var hasExperts: Bool
  package var description: String?
  /// At least one; the selected one is what the bare key loads.
  package var variants: [ModelVariant]
  package var selectedVariant: Int
  /// Further names of the whole model, as of the files that a `model.yaml` gave another key.
  package var aliases: [String]

  package init(
    key: String, kind: ModelKind, publisher: String, repository: String, displayName: String, architecture: String?,
    parameters: String?, maxContextLength: Int, capabilities: ModelCapabilities, hasExperts: Bool = false,
    description: String? = nil, variants: [ModelVariant], selectedVariant: Int = 0,
    aliases: [String] = []
  ) {
    self.key = key
    self.kind = kind
    self.publisher = publisher
    self.repository = repository
    self.displayName = displayName
    self.architecture = architecture
    self.parameters = parameters
    self.maxContextLength = maxContextLength
    self.capabilities = capabilities
    self.hasExperts = hasExperts
    self.description = description
    self.variants = variants
    self.selectedVariant = selectedVariant
    self.aliases = aliases
  }

  package var selected: ModelVariant { variants[selectedVariant] }
}
