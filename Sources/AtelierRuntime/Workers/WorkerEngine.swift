import AtelierCore

/// The engine that lives in a worker process.
final class WorkerEngine: InferenceEngine {
  let properties: EngineProperties
  private let connection: WorkerConnection

  init(connection: WorkerConnection, properties: EngineProperties) {
    self.connection = connection
    self.properties = properties
  }

  func generate(
    _ request: EngineRequest, trace: GenerationTrace
  ) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    try await connection.generate(request, trace: trace)
  }

  func embed(_ request: EmbeddingRequest) async throws(AtelierError) -> EmbeddingResult {
    try await connection.embed(request)
  }

  func rerank(_ request: RerankRequest) async throws(AtelierError) -> RerankResult {
    try await connection.rerank(request)
  }

  func countTokens(_ request: EngineRequest) async throws(AtelierError) -> Int {
    try await connection.countTokens(request)
  }

  func shutdown() async { await connection.shutdown() }

  func waitUntilGone() async -> Bool { await connection.waitUntilGone() }
}
