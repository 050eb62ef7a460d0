/// How a model is (to be) loaded. All values resolved: what the worker gets and what `load_config` echoes.
package struct LoadConfiguration: Sendable, Hashable, Codable {
  /// Tokens; 1…the model's maximum.
  package var contextLength: Int
  /// Prompt tokens per engine call at most.
  package var evalBatchSize: Int
  /// Sequences answered at the same time at most, 1…64.
  package var parallel: Int
  package var flashAttention: Bool
  /// Active experts of a mixture-of-experts model; nil leaves the model's own number.
  package var numExperts: Int?
  /// Echoed as given; no effect on a CPU build.
  package var offloadKVCacheToGPU: Bool
  /// `f16`, `q8_0`…: of the keys, and of the values too unless they have a type of their own.
  package var kvCacheType: String
  package var valueCacheType: String?
  /// Threads for generation and for prompts; nil lets the worker decide.
  package var threads: Int?
  package var promptThreads: Int?
  /// Whether weights are mapped from their files rather than read into memory of the worker's own; nil lets the server
  /// decide by the memory that is free.
  package var useMemoryMap: Bool?
  /// Weights are kept from being swapped out.
  package var keepInMemory: Bool
  /// Share of the layers that go to a GPU, 0…1; nil: all that fit. No effect on a CPU build.
  package var gpu: Double?
  /// nil: the model's own.
  package var ropeFrequencyBase: Double?
  package var ropeFrequencyScale: Double?

  package init(
    contextLength: Int, evalBatchSize: Int = 512, parallel: Int = 4, flashAttention: Bool = true,
    numExperts: Int? = nil, offloadKVCacheToGPU: Bool = true, kvCacheType: String = "f16",
    valueCacheType: String? = nil, threads: Int? = nil, promptThreads: Int? = nil, useMemoryMap: Bool? = nil,
    keepInMemory: Bool = false, gpu: Double? = nil, ropeFrequencyBase: Double? = nil,
    ropeFrequencyScale: Double? = nil
  ) {
    self.contextLength = contextLength
    self.evalBatchSize = evalBatchSize
    self.parallel = parallel
    self.flashAttention = flashAttention
    self.numExperts = numExperts
    self.offloadKVCacheToGPU = offloadKVCacheToGPU
    self.kvCacheType = kvCacheType
    self.valueCacheType = valueCacheType
    self.threads = threads
    self.promptThreads = promptThreads
    self.useMemoryMap = useMemoryMap
    self.keepInMemory = keepInMemory
    self.gpu = gpu
    self.ropeFrequencyBase = ropeFrequencyBase
    self.ropeFrequencyScale = ropeFrequencyScale
  }

  /// The names of cache types that engines know.
  package static let cacheTypes = ["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
}
