import AtelierCore
import AtelierModels

/// A load with everything resolved: request, then the model's defaults, then the server's, then built-in values.
struct LoadPlan: Sendable, Hashable {
  var target: ResolvedModel
  var defaults: ModelDefaults
  var configuration: LoadConfiguration

  /// Throws `invalidValue` for a context beyond the model's, and for a cache of values that needs flash attention.
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
    let keys = asked.kvCacheType ?? defaults.kvCacheType ?? "f16"
    let values = asked.kvCacheType ?? defaults.valueCacheType ?? "f16"
    configuration = LoadConfiguration(
      contextLength: asked.contextLength ?? max(1, min(defaults.contextLength ?? settings.contextLength, maximum)),
      evalBatchSize: asked.evalBatchSize ?? defaults.evalBatchSize ?? 512,
      parallel: asked.parallel ?? defaults.parallel ?? settings.parallel,
      flashAttention: asked.flashAttention ?? defaults.flashAttention ?? true,
      numExperts: target.model.hasExperts ? asked.numExperts ?? defaults.numExperts : nil,
      offloadKVCacheToGPU: asked.offloadKVCacheToGPU ?? defaults.offloadKVCacheToGPU ?? true,
      kvCacheType: keys, valueCacheType: values == keys ? nil : values, useMemoryMap: defaults.useMemoryMap,
      keepInMemory: defaults.keepInMemory ?? false, gpu: asked.gpu, ropeFrequencyBase: defaults.ropeFrequencyBase,
      ropeFrequencyScale: defaults.ropeFrequencyScale)
    let isQuantized = !["f32", "f16", "bf16"].contains(values)
    if isQuantized, !configuration.flashAttention, target.model.kind == .llm {
      throw AtelierError(
        .invalidValue, "A cache of type '\(values)' needs flash attention. Leave 'flash_attention' on.",
        param: asked.kvCacheType == nil ? "flash_attention" : "kv_cache_type")
    }
  }

  var model: ModelDescription { target.model }
  var variant: ModelVariant { target.model.variants[target.variant] }

  func load(_ settings: RuntimeSettings) -> EngineLoad {
    var load = EngineLoad(
      kind: model.kind, files: variant.files, projector: variant.projector, configuration: configuration,
      chatTemplate: defaults.chatTemplate, reasoningTags: defaults.reasoningTags)
    load.maxWaiting = settings.maxWaiting
    load.waitingSeconds = settings.queueSeconds
    return load
  }

  /// Enough of the model to count prompts.
  func vocabularyLoad(_ settings: RuntimeSettings) -> EngineLoad {
    var load = load(settings)
    load.projector = nil
    load.isVocabularyOnly = true
    return load
  }

  func selection(instanceID: String) -> InstanceSelection {
    InstanceSelection(
      instanceID: instanceID, modelKey: model.key, architecture: model.architecture,
      quantization: variant.quantization?.name, contextLength: configuration.contextLength)
  }

  /// Whether an instance loaded by this plan can answer a request for that model and context.
  func serves(_ wanted: ResolvedModel, contextLength: Int?) -> Bool {
    model.key == wanted.model.key
      && (!wanted.isVariantExplicit || variant.files == wanted.model.variants[wanted.variant].files)
      && contextLength.map { $0 <= configuration.contextLength } ?? true
  }
}
