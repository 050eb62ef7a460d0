/// A loaded model, as the lists show it.
package struct InstanceDescription: Sendable, Hashable {
  package enum State: String, Sendable, Hashable, Codable {
    case loading, idle, processingPrompt, generating, computingEmbedding, unloading
  }

  package var id: String
  package var modelKey: String
  package var kind: ModelKind
  package var configuration: LoadConfiguration
  package var state: State
  /// Requests running or waiting.
  package var queued: Int
  /// Seconds; nil: stays until unloaded.
  package var timeToLive: Int?
  /// Milliseconds since 1970 of the last request's end.
  package var lastUsed: Int64?
  package var loadSeconds: Double?

  package init(
    id: String, modelKey: String, kind: ModelKind, configuration: LoadConfiguration, state: State, queued: Int = 0,
    timeToLive: Int? = nil, lastUsed: Int64? = nil, loadSeconds: Double? = nil
  ) {
    self.id = id
    self.modelKey = modelKey
    self.kind = kind
    self.configuration = configuration
    self.state = state
    self.queued = queued
    self.timeToLive = timeToLive
    self.lastUsed = lastUsed
    self.loadSeconds = loadSeconds
  }
}
