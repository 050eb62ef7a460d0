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
  /// `f16`, `q8_0`…
  package var kvCacheType: String
  /// Threads for generation and for prompts; nil lets the worker decide.
  package var threads: Int?
  package var promptThreads: Int?
  package var useMemoryMap: Bool

  package init(
    contextLength: Int, evalBatchSize: Int = 512, parallel: Int = 4, flashAttention: Bool = true,
    numExperts: Int? = nil, offloadKVCacheToGPU: Bool = true, kvCacheType: String = "f16", threads: Int? = nil,
    promptThreads: Int? = nil, useMemoryMap: Bool = true
  ) {
    self.contextLength = contextLength
    self.evalBatchSize = evalBatchSize
    self.parallel = parallel
    self.flashAttention = flashAttention
    self.numExperts = numExperts
    self.offloadKVCacheToGPU = offloadKVCacheToGPU
    self.kvCacheType = kvCacheType
    self.threads = threads
    self.promptThreads = promptThreads
    self.useMemoryMap = useMemoryMap
  }
}
