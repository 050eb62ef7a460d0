import AtelierCore

/// What a worker says to the API process.
package enum WorkerReport: Sendable, Hashable {
  /// First report, before anything is loaded.
  case hello(version: UInt32)
  /// 0…1, from the engine's own progress callback.
  case loadProgress(Double)
  case loaded(EngineProperties)
  /// The worker exits afterwards.
  case loadFailed(AtelierError)
  /// The prompt was rendered, tokenized and queued.
  case accepted(id: UInt64)
  case rejected(id: UInt64, AtelierError)
  /// All events of one engine step, for all predictions, in order, and the tokens they came from. Both in one frame: the
  /// API process has either none of a step or all of it, so it always knows the tokens of exactly the text it has.
  case events([PredictionEvent], tokens: [PredictionTokens] = [])
  case embedded(id: UInt64, EmbeddingResult)
  case reranked(id: UInt64, RerankResult)
  case counted(id: UInt64, tokens: Int)
  /// Also the heartbeat: a worker answers from a thread that no computation blocks, and says whether its engine is computing
  /// and how many steps it has done, so that a frozen engine can be told from a busy one.
  case pong(UInt64, WorkerState)
}
