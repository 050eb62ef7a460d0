import AtelierCore

extension ModelLease {
  /// As `InferenceEngine.generate`, but the stream goes on when the engine dies, as far as that is of use; else it ends with
  /// `engineDied`.
  func generate(_ request: EngineRequest) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    let answer = ResumableAnswer(request, on: self)
    try await answer.begin()
    return AsyncStream { await answer.next() }
  }

  /// What `body` makes of the engine, tried once more with another one when it dies. For calls that answer at once.
  func call<Result: Sendable>(
    _ body: (any InferenceEngine) async throws(AtelierError) -> Result
  ) async throws(AtelierError) -> Result {
    var failover = Failover()
    while true {
      do throws(AtelierError) {
        return try await body(engine)
      } catch {
        // Nothing tells who killed it, and engines serve others: a request that kills them takes two at most.
        guard error.code == .engineDied, failover.restarts == 0, failover.permitsRestart(after: []) else { throw error }
        do throws(AtelierError) { try await renew() } catch let problem {
          throw problem.code == .cancelled ? problem : error
        }
      }
    }
  }

  /// As `call`; then the place is given back, whatever came of it.
  func lastCall<Result: Sendable>(
    _ body: (any InferenceEngine) async throws(AtelierError) -> Result
  ) async throws(AtelierError) -> Result {
    do throws(AtelierError) {
      let result = try await call(body)
      await release()
      return result
    } catch {
      await release()
      throw error
    }
  }
}
