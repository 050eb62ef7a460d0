import AtelierCore

/// One answer that outlives its engines: when one dies in the middle, the model is loaded anew, and the next engine goes on
/// behind the tokens the last one is known to have generated. The stream is one, with nothing repeated or lost.
///
/// `Failover` decides whether; this carries it out. Everything happens in the consumer's task.
actor ResumableAnswer {
  private let lease: ModelLease
  private let trace = GenerationTrace()
  private var request: EngineRequest
  private var failover = Failover()
  private var events: AsyncStream<GenerationEvent>.Iterator?
  private var ready: [GenerationEvent] = []
  private var deaths = 0

  init(_ request: EngineRequest, on lease: ModelLease) {
    self.lease = lease
    self.request = request
    // Drawn here, so that the next engine can go on in the same stream of random numbers.
    if request.sampling.seed == nil { self.request.sampling.seed = UInt32.random(in: 0...UInt32.max) }
  }

  /// Throws what `InferenceEngine.generate` throws.
  func begin() async throws(AtelierError) {
    do throws(AtelierError) {
      try await ask()
    } catch {
      guard error.code == .engineDied else { throw error }
      try await restart()
    }
  }

  /// The next event; nil after `finished`, and when the consumer was cancelled.
  func next() async -> GenerationEvent? {
    while true {
      if !ready.isEmpty { return ready.removeFirst() }
      guard var iterator = events else { return nil }
      // A handle on a shared stream: a copy of it reads on where the other stopped.
      if let event = await iterator.next(isolation: self) { return event }
      events = nil
      guard !Task.isCancelled, trace.deaths.count > deaths else { return nil }
      do throws(AtelierError) {
        try await restart()
      } catch {
        guard !Task.isCancelled else { return nil }
        let reason: FinishReason = error.code == .modelUnloaded ? .modelUnloaded : .failed
        ready = trace.withRecord { $0.end(error, reason) }
      }
    }
  }

  private func ask() async throws(AtelierError) {
    deaths = trace.deaths.count
    request.soFar = trace.soFar
    events = try await lease.engine.generate(request, trace: trace).makeAsyncIterator()
  }

  /// Throws `engineDied` when that is of no use any more.
  private func restart() async throws(AtelierError) {
    while failover.permitsRestart(after: trace.deaths) {
      do throws(AtelierError) {
        try await lease.renew()
      } catch {
        // Unless there is a better reason, the one to be told is why a new engine was needed. One that had died before it
        // got the request is none.
        switch error.code {
        case .modelUnloaded, .shuttingDown, .cancelled: throw error
        default: throw trace.deaths.isEmpty ? error : .engineDied
        }
      }
      do throws(AtelierError) {
        try await ask()
        await lease.note(trace.soFar == nil ? .processingPrompt : .generating)
        return
      } catch {
        guard error.code == .engineDied else { throw error }
      }
    }
    throw .engineDied
  }
}
