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

  package init(
    model: String, identifier: String? = nil, contextLength: Int? = nil, evalBatchSize: Int? = nil,
    parallel: Int? = nil, flashAttention: Bool? = nil, numExperts: Int? = nil, offloadKVCacheToGPU: Bool? = nil,
    timeToLive: TimeToLive? = nil
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
  }
}
