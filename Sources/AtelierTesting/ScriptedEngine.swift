import AtelierCore
import Synchronization

/// An engine whose answers a test writes. By default every generation says "Hello!" at once; `hold()` makes generations
/// wait before their first word until `open()`.
package final class ScriptedEngine: InferenceEngine {
  private struct State {
    var events: [GenerationEvent]
    var refusal: AtelierError?
    var isHeld = false
    var held: [CheckedContinuation<Void, Never>] = []
    var requests: [EngineRequest] = []
    var running = 0
    var cancelled = 0
    var streams: [UInt64: AsyncStream<GenerationEvent>.Continuation] = [:]
    var lastStream: UInt64 = 0
    /// nil while it lives; then whether it was asked to go.
    var gone: Bool?
    var waiters: [CheckedContinuation<Bool, Never>] = []
  }

  package let load: EngineLoad
  package let properties: EngineProperties
  private let state: Mutex<State>

  package init(load: EngineLoad, events: [GenerationEvent]? = nil) {
    self.load = load
    properties = EngineProperties(
      contextLength: load.configuration.contextLength, embeddingLength: 2, vocabularySize: 100, architecture: "llama",
      hasVision: false, hasChatTemplate: true, parameterCount: 1, memoryBytes: 1)
    state = Mutex(State(events: events ?? Self.saying("Hello!")))
  }

  /// A whole answer with that text.
  package static func saying(_ text: String) -> [GenerationEvent] {
    [
      .promptStarted, .promptFinished(PromptUsage(tokens: 3, cachedTokens: 0)), .messageStarted,
      .messageDelta(text, []), .messageFinished,
      .finished(
        GenerationResult(output: [.message(text)], usage: GenerationUsage(inputTokens: 3, outputTokens: 1))),
    ]
  }

  // MARK: What a test does and sees

  package func script(_ events: [GenerationEvent]) { state.withLock { $0.events = events } }
  /// The next generations are refused.
  package func refuse(_ error: AtelierError?) { state.withLock { $0.refusal = error } }
  package func hold() { state.withLock { $0.isHeld = true } }

  package func open() {
    let held = state.withLock { state in
      state.isHeld = false
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }

  /// The worker dies: streams fail, whoever waits hears of it.
  package func die() { end(asked: false, AtelierError(.engineDied, "The engine died."), .failed) }

  package var requests: [EngineRequest] { state.withLock { $0.requests } }
  package var running: Int { state.withLock { $0.running } }
  /// Generations whose consumer went away before their end.
  package var cancelled: Int { state.withLock { $0.cancelled } }
  package var isGone: Bool { state.withLock { $0.gone != nil } }

  // MARK: InferenceEngine

  package func generate(_ request: EngineRequest) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: GenerationEvent.self)
    let begun: Result<(UInt64, [GenerationEvent]), AtelierError> = state.withLock { state in
      if let refusal = state.refusal { return .failure(refusal) }
      if state.gone != nil { return .failure(AtelierError(.engineDied, "The engine died.")) }
      state.requests.append(request)
      state.running += 1
      state.lastStream += 1
      state.streams[state.lastStream] = continuation
      return .success((state.lastStream, state.events))
    }
    let (id, events) = try begun.get()
    continuation.onTermination = { [weak self] _ in self?.terminated(id) }
    Task {
      await self.passGate()
      guard self.state.withLock({ $0.streams[id] != nil }) else { return }
      for event in events {
        if case .finished = event { self.state.withLock { $0.streams[id] = nil } }
        continuation.yield(event)
      }
      if case .finished? = events.last { continuation.finish() }
    }
    return stream
  }

  package func embed(_ request: EmbeddingRequest) async throws(AtelierError) -> EmbeddingResult {
    EmbeddingResult(vectors: request.inputs.map { _ in [1, 0] }, promptTokens: request.inputs.count)
  }

  /// Earlier documents score higher: 1, 1/2, 1/3…
  package func rerank(_ request: RerankRequest) async throws(AtelierError) -> RerankResult {
    RerankResult(scores: request.documents.indices.map { 1 / Float($0 + 1) }, promptTokens: request.documents.count)
  }

  package func countTokens(_ request: EngineRequest) async throws(AtelierError) -> Int { 7 }

  package func shutdown() async {
    end(asked: true, AtelierError(.modelUnloaded, "The model was unloaded."), .modelUnloaded)
  }

  package func waitUntilGone() async -> Bool {
    await withCheckedContinuation { continuation in
      let gone = state.withLock { state -> Bool? in
        if state.gone == nil { state.waiters.append(continuation) }
        return state.gone
      }
      if let gone { continuation.resume(returning: gone) }
    }
  }

  private func passGate() async {
    await withCheckedContinuation { continuation in
      let waits = state.withLock { state in
        if state.isHeld { state.held.append(continuation) }
        return state.isHeld
      }
      if !waits { continuation.resume() }
    }
  }

  private func terminated(_ id: UInt64) {
    state.withLock { state in
      state.running -= 1
      if state.streams.removeValue(forKey: id) != nil { state.cancelled += 1 }
    }
  }

  private func end(asked: Bool, _ error: AtelierError, _ reason: FinishReason) {
    let (streams, waiters) = state.withLock { state in
      state.gone = state.gone ?? asked
      defer {
        state.streams = [:]
        state.waiters = []
      }
      return (Array(state.streams.values), state.waiters)
    }
    for stream in streams {
      stream.yield(.failed(error))
      stream.yield(.finished(GenerationResult(finishReason: reason)))
      stream.finish()
    }
    for waiter in waiters { waiter.resume(returning: asked) }
    open()
  }
}
