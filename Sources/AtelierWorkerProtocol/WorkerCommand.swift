import AtelierCore

/// What the API process says to a worker. Ids are chosen by the API process and never reused for one worker.
package enum WorkerCommand: Sendable, Hashable {
  /// First command; exactly once.
  case load(EngineLoad)
  case predict(id: UInt64, EngineRequest)
  case embed(id: UInt64, EmbeddingRequest)
  case rerank(id: UInt64, RerankRequest)
  case countTokens(id: UInt64, EngineRequest)
  /// Ends a prediction at the next step. No further report about it is needed, but reports under way may still arrive.
  case cancel(id: UInt64)
  case ping(UInt64)
  /// End all requests and exit.
  case shutdown
}
