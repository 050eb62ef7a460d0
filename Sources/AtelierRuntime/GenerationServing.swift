import AtelierCore

/// The front door of the runtime, as the HTTP layer sees it: "answer this".
package protocol GenerationServing: Sendable {
  /// Throws what can be refused before anything is computed: unknown model, unknown previous response, unsupported
  /// reasoning setting, a prompt that does not fit (when the model is loaded already), queue full. Otherwise returns the
  /// events of the answer, starting with `instanceSelected`, then `loadStarted`… if this request loads the model. What goes
  /// wrong after that is a `failed` event followed by `finished`.
  ///
  /// A stored turn is durable before `finished` (which then carries its response id) is emitted. Ending the iteration, or
  /// cancelling the iterating task, ends the generation and stores nothing.
  func generate(_ request: GenerationRequest) async throws(AtelierError) -> AsyncStream<GenerationEvent>

  /// Loads the model just in time if needed. Throws `permissionDenied` when the caller may not cause that.
  func embed(
    model: String, _ request: EmbeddingRequest, timeToLive: TimeToLive?, caller: Caller
  ) async throws(AtelierError) -> (InstanceSelection, EmbeddingResult)

  /// Scores documents against a query, by a reranker or by an embedding model. Loads the model just in time if needed.
  func rerank(
    model: String, _ request: RerankRequest, timeToLive: TimeToLive?, caller: Caller
  ) async throws(AtelierError) -> (InstanceSelection, RerankResult)

  /// Prompt tokens the request would have. Loads the model just in time if needed.
  func countTokens(_ request: GenerationRequest) async throws(AtelierError) -> Int
}
