/// A loaded model, as the lists show it.
package struct InstanceDescription: Sendable, Hashable {
  package enum State: String, Sendable, Hashable, Codable {
    case loading, idle, processingPrompt, generating, computingEmbedding, unloading
  }

  /// Who wanted it: a person or program that loaded it, or a request that needed it.
  package enum Origin: String, Sendable, Hashable, Codable { case manual, jit }

  package var id: String
  package var modelKey: String
  package var kind: ModelKind
  package var configuration: LoadConfiguration
  package var state: State
  /// `Q4_K_M`: of the variant that is loaded.
  package var quantization: String?
  /// Requests running or waiting.
  package var queued: Int
  /// Seconds; nil: stays until unloaded.
  package var timeToLive: Int?
  /// Milliseconds since 1970 of the last request's end.
  package var lastUsed: Int64?
  package var loadSeconds: Double?
  package var origin: Origin
  package var isPinned: Bool
  /// Bytes of weights, cache and buffers as the engine reports them; nil while it loads.
  package var memoryBytes: Int64?
  /// 0…1 while it loads; nil before its turn has come and afterwards.
  package var loadProgress: Double?

  package init(
    id: String, modelKey: String, kind: ModelKind, configuration: LoadConfiguration, state: State,
    quantization: String? = nil, queued: Int = 0, timeToLive: Int? = nil, lastUsed: Int64? = nil,
    loadSeconds: Double? = nil, origin: Origin = .manual, isPinned: Bool = false, memoryBytes: Int64? = nil,
    loadProgress: Double? = nil
  ) {
    self.id = id
    self.modelKey = modelKey
    self.kind = kind
    self.configuration = configuration
    self.state = state
    self.quantization = quantization
    self.queued = queued
    self.timeToLive = timeToLive
    self.lastUsed = lastUsed
    self.loadSeconds = loadSeconds
    self.origin = origin
    self.isPinned = isPinned
    self.memoryBytes = memoryBytes
    self.loadProgress = loadProgress
  }
}
