import AtelierCore

/// Models on disk and in memory, as the HTTP layer sees them.
package protocol ModelManaging: Sendable {
  /// Everything on disk: language models first, then by key. Fast (< 100 ms) also while models load or generate.
  func models() async -> [ModelDescription]

  /// Instances loaded or loading, in the order they were begun.
  func instances() async -> [InstanceDescription]

  /// Loads another instance of the model and waits for it. Throws `modelNotFound`, `identifierInUse`, `invalidValue`
  /// (context), `insufficientMemory`, `modelLoadFailed`.
  func load(_ request: ModelLoadRequest) async throws(AtelierError) -> InstanceDescription

  /// Ends the instance's requests with `modelUnloaded` and returns when its memory is back. Throws `modelNotFound`.
  func unload(instanceID: String) async throws(AtelierError)
}

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
