import AtelierCore
import AtelierModels

/// A load with everything resolved: request, then the model's defaults, then the server's, then built-in values.
struct LoadPlan: Sendable, Hashable {
  var target: ResolvedModel
  var defaults: ModelDefaults
  var configuration: LoadConfiguration

  /// Throws `invalidValue` for a context beyond the model's.
  init(
    _ target: ResolvedModel, defaults: ModelDefaults, settings: RuntimeSettings, asked: ModelLoadRequest
  ) throws(AtelierError) {
    let maximum = target.model.maxContextLength
    if let context = asked.contextLength, context < 1 || context > maximum {
      throw AtelierError(
        .invalidValue, "'context_length' must be between 1 and \(maximum) for model '\(target.model.key)'.",
        param: "context_length")
    }
    self.target = target
    self.defaults = defaults
    configuration = LoadConfiguration(
      contextLength: asked.contextLength ?? max(1, min(defaults.contextLength ?? settings.contextLength, maximum)),
      evalBatchSize: asked.evalBatchSize ?? defaults.evalBatchSize ?? 512,
      parallel: asked.parallel ?? defaults.parallel ?? settings.parallel,
      flashAttention: asked.flashAttention ?? defaults.flashAttention ?? true,
      numExperts: target.model.hasExperts ? asked.numExperts ?? defaults.numExperts : nil,
      offloadKVCacheToGPU: asked.offloadKVCacheToGPU ?? defaults.offloadKVCacheToGPU ?? true,
      kvCacheType: defaults.kvCacheType ?? "f16", useMemoryMap: defaults.useMemoryMap ?? true)
  }

  var model: ModelDescription { target.model }
  var variant: ModelVariant { target.model.variants[target.variant] }

  var load: EngineLoad {
    EngineLoad(kind: model.kind, files: variant.files, projector: variant.projector, configuration: configuration)
  }

  func selection(instanceID: String) -> InstanceSelection {
    InstanceSelection(
      instanceID: instanceID, modelKey: model.key, architecture: model.architecture,
      quantization: variant.quantization?.name, contextLength: configuration.contextLength)
  }

  /// Whether an instance loaded by this plan can answer a request for that model and context.
  func serves(_ wanted: ResolvedModel, contextLength: Int?) -> Bool {
    model.key == wanted.model.key && (!wanted.isVariantExplicit || target.variant == wanted.variant)
      && contextLength.map { $0 <= configuration.contextLength } ?? true
  }
}
