import AtelierCore
import AtelierRuntime

/// One model on disk, `acme/tiny`, loaded once.
struct ScriptedModels: ModelManaging {
  func models() async -> [ModelDescription] {
    [
      ModelDescription(
        key: "acme/tiny", kind: .llm, publisher: "acme", repository: "tiny", displayName: "Tiny", architecture: "llama",
        parameters: "1M", maxContextLength: 64, capabilities: ModelCapabilities(),
        variants: [
          ModelVariant(
            name: "acme/tiny@q4_1", quantization: nil, files: [], projector: nil, sizeBytes: 5, modified: 7,
            relativePath: "acme/tiny/tiny.gguf")
        ])
    ]
  }

  func instances() async -> [InstanceDescription] { [instance("acme/tiny")] }

  func load(_ request: ModelLoadRequest) async throws(AtelierError) -> InstanceDescription {
    guard request.model == "acme/tiny" else { throw AtelierError(.modelNotFound, "no such model", param: "model") }
    return instance("acme/tiny:2")
  }

  func estimate(_ request: ModelLoadRequest) async throws(AtelierError) -> LoadEstimate {
    guard request.model == "acme/tiny" else { throw AtelierError(.modelNotFound, "no such model", param: "model") }
    return LoadEstimate(
      modelKey: "acme/tiny", contextLength: request.contextLength ?? 64, weights: 5, keyValueCache: 2, compute: 1,
      available: request.isForced ? nil : 7, fits: request.isForced)
  }

  func unload(instanceID: String) async throws(AtelierError) {
    guard instanceID == "acme/tiny" else { throw AtelierError(.modelNotFound, "no such instance") }
  }

  private func instance(_ id: String) -> InstanceDescription {
    InstanceDescription(
      id: id, modelKey: "acme/tiny", kind: .llm, configuration: LoadConfiguration(contextLength: 64), state: .idle,
      loadSeconds: 0.5)
  }
}
