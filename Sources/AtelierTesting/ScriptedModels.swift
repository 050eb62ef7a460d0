import AtelierCore
import AtelierModels
import AtelierRuntime

/// Models that exist only as descriptions.
package struct ScriptedModels: ModelSource {
  package var list: [ModelDescription]
  package var modelDefaults: [String: ModelDefaults]

  package init(_ list: [ModelDescription], defaults: [String: ModelDefaults] = [:]) {
    self.list = list
    modelDefaults = defaults
  }

  package static func model(
    _ key: String, kind: ModelKind = .llm, maxContextLength: Int = 8192,
    capabilities: ModelCapabilities = ModelCapabilities(), quantizations: [String] = ["Q4_1"]
  ) -> ModelDescription {
    ModelDescription(
      key: key, kind: kind, publisher: "tests", repository: key, displayName: key, architecture: "llama",
      parameters: "1M", maxContextLength: maxContextLength, capabilities: capabilities,
      variants: quantizations.map { name in
        ModelVariant(
          name: "\(key)@\(name.lowercased())", quantization: Quantization(name: name, bitsPerWeight: 4),
          files: ["/nowhere/\(key)-\(name).gguf"], projector: nil, sizeBytes: 1000, modified: 0,
          relativePath: "tests/\(key)/\(key)-\(name).gguf")
      })
  }

  package func models() async -> [ModelDescription] { list }

  package func resolve(_ name: String) async -> ResolvedModel? {
    for model in list {
      if model.key.lowercased() == name.lowercased() { return ResolvedModel(model: model) }
      if let variant = model.variants.firstIndex(where: { $0.name == name.lowercased() }) {
        return ResolvedModel(model: model, variant: variant, isVariantExplicit: true)
      }
    }
    return nil
  }

  package func suggestions(for name: String) async -> [String] { Array(list.map(\.key).prefix(3)) }
  package func defaults(forKey key: String) async -> ModelDefaults { modelDefaults[key] ?? ModelDefaults() }
  /// One for all; of a variant named `…@other`, another one.
  package func vocabulary(of variant: ModelVariant) async -> ModelVocabulary? {
    ModelVocabulary(tokenizer: variant.name.hasSuffix("@other") ? "bert" : "llama", tokens: 1000)
  }

  /// The weights alone.
  package func estimate(
    _ variant: ModelVariant, _ kind: ModelKind, _ configuration: LoadConfiguration
  ) async -> MemoryEstimate { MemoryEstimate(weights: variant.sizeBytes, keyValueCache: 0, compute: 0) }
}
