/// What `POST /api/v1/models/load` and `atelier load` ask for; nil means the default of the model or of the server.
package struct ModelLoadRequest: Sendable, Hashable {
  package var model: String
  package var identifier: String?
  package var contextLength: Int?
  package var evalBatchSize: Int?
  package var parallel: Int?
  package var flashAttention: Bool?
  package var numExperts: Int?
  package var offloadKVCacheToGPU: Bool?
  package var timeToLive: TimeToLive?
  /// One of `LoadConfiguration.cacheTypes`.
  package var kvCacheType: String?
  /// 0…1.
  package var gpu: Double?
  /// The instance is never unloaded to make room or for its idleness.
  package var isPinned: Bool
  /// Load even if it does not fit the memory.
  package var isForced: Bool

  package init(
    model: String, identifier: String? = nil, contextLength: Int? = nil, evalBatchSize: Int? = nil,
    parallel: Int? = nil, flashAttention: Bool? = nil, numExperts: Int? = nil, offloadKVCacheToGPU: Bool? = nil,
    timeToLive: TimeToLive? = nil, kvCacheType: String? = nil, gpu: Double? = nil, isPinned: Bool = false,
    isForced: Bool = false
  ) {
    self.model = model
    self.identifier = identifier
    self.contextLength = contextLength
    self.evalBatchSize = evalBatchSize
    self.parallel = parallel
    self.flashAttention = flashAttention
    self.numExperts = numExperts
    self.offloadKVCacheToGPU = offloadKVCacheToGPU
    self.timeToLive = timeToLive
    self.kvCacheType = kvCacheType
    self.gpu = gpu
    self.isPinned = isPinned
    self.isForced = isForced
  }
}
