/// One loaded model as seen from above: messages or text in, generation events out. Implemented by the engine that talks
/// to a worker process, and by scripted doubles in tests.
package protocol InferenceEngine: AnyObject, Sendable {
  var properties: EngineProperties { get }

  /// Begins a generation. Throws what can be refused (prompt too long, bad template arguments, queue full); returns
  /// once the prompt is rendered, tokenized and queued. The stream obeys the contract of `GenerationEvent`, starting at
  /// `promptStarted`; its `finished` carries output, finish reason, usage and timings, and neither instance nor
  /// response id. Ending the iteration (or cancelling the iterating task) cancels the generation.
  ///
  /// Every event and every generated token goes through `trace`, which leaves out what an earlier engine has said. When the
  /// engine dies, that is noted there, and the stream ends without `finished`: a request with `trace.soFar` asks another
  /// engine to go on. Dying before the stream exists throws `engineDied`.
  func generate(
    _ request: EngineRequest, trace: GenerationTrace
  ) async throws(AtelierError) -> AsyncStream<GenerationEvent>

  /// Unit-length vectors. Throws `modelTypeMismatch` on a model without embeddings.
  func embed(_ request: EmbeddingRequest) async throws(AtelierError) -> EmbeddingResult

  /// Scores documents against a query. Throws `modelTypeMismatch` on a model that generates text.
  func rerank(_ request: RerankRequest) async throws(AtelierError) -> RerankResult

  /// Prompt tokens the request would have, without generating or waiting for a running generation.
  func countTokens(_ request: EngineRequest) async throws(AtelierError) -> Int

  /// Ends all requests with `modelUnloaded`, releases the memory, returns when it is released. May be called twice.
  func shutdown() async

  /// Returns when the engine is gone for whatever reason; true if it was asked to (`shutdown`), false if it died.
  func waitUntilGone() async -> Bool
}
