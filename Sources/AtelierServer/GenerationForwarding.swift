import AtelierCore
import AtelierRuntime

/// A front door before another one: what it does not do in its own way it hands on.
protocol GenerationForwarding: GenerationServing {
  var base: any GenerationServing { get }
}

extension GenerationForwarding {
  func generate(_ request: GenerationRequest) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    try await base.generate(request)
  }

  func embed(
    model: String, _ request: EmbeddingRequest, timeToLive: TimeToLive?, caller: Caller
  ) async throws(AtelierError) -> (InstanceSelection, EmbeddingResult) {
    try await base.embed(model: model, request, timeToLive: timeToLive, caller: caller)
  }

  func rerank(
    model: String, _ request: RerankRequest, timeToLive: TimeToLive?, caller: Caller
  ) async throws(AtelierError) -> (InstanceSelection, RerankResult) {
    try await base.rerank(model: model, request, timeToLive: timeToLive, caller: caller)
  }

  func countTokens(_ request: GenerationRequest) async throws(AtelierError) -> Int {
    try await base.countTokens(request)
  }
}
