import AtelierCore
import Synchronization

/// An engine whose answers a test writes. By default every generation says "Hello!" at once; `hold()` makes generations
/// wait before their first word, or after some of their events, until `open()`. Every delta counts as one token, so an answer
/// that another engine began is continued behind as many deltas as it had tokens.
package final class ScriptedEngine: InferenceEngine {
  private struct State {
    var events: [GenerationEvent]
    /// What the next generations answer, one after another; then `events` again.
    var rounds: [[GenerationEvent]] = []
    var refusal: AtelierError?
    var diesCounting = false
    /// Events that are let through first.
    var heldAfter: Int?
    var held: [CheckedContinuation<Void, Never>] = []
    var requests: [EngineRequest] = []
    var running = 0
    var cancelled = 0
    var streams: [UInt64: (AsyncStream<GenerationEvent>.Continuation, GenerationTrace)] = [:]
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
  /// The next generations answer these, one each.
  package func script(rounds: [[GenerationEvent]]) { state.withLock { $0.rounds = rounds } }
  /// The next generations are refused.
  package func refuse(_ error: AtelierError?) { state.withLock { $0.refusal = error } }
  /// The next count of tokens kills it.
  package func dieCounting() { state.withLock { $0.diesCounting = true } }
  package func hold(after events: Int = 0) { state.withLock { $0.heldAfter = events } }

  package func open() {
    let held = state.withLock { state in
      state.heldAfter = nil
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }

  /// The worker dies: streams stop, whoever waits hears of it.
  package func die() {
    end(asked: false) { alone, stream, trace in
      trace.withRecord { $0.died(wasAlone: alone) }
      stream.finish()
    }
  }

  package var requests: [EngineRequest] { state.withLock { $0.requests } }
  package var running: Int { state.withLock { $0.running } }
  /// Generations whose consumer went away before their end.
  package var cancelled: Int { state.withLock { $0.cancelled } }
  package var isGone: Bool { state.withLock { $0.gone != nil } }

  // MARK: InferenceEngine

  package func generate(
    _ request: EngineRequest, trace: GenerationTrace
  ) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: GenerationEvent.self)
    let begun: Result<(UInt64, [GenerationEvent]), AtelierError> = state.withLock { state in
      if let refusal = state.refusal { return .failure(refusal) }
      if state.gone != nil { return .failure(AtelierError(.engineDied, "The engine died.")) }
      state.requests.append(request)
      state.running += 1
      state.lastStream += 1
      state.streams[state.lastStream] = (continuation, trace)
      let events = state.rounds.isEmpty ? state.events : state.rounds.removeFirst()
      return .success((state.lastStream, events))
    }
    let (id, events) = try begun.get()
    continuation.onTermination = { [weak self] _ in self?.terminated(id) }
    trace.withRecord { $0.accept(now: .now) }
    Task {
      var said = request.soFar?.tokens.count ?? 0
      for (index, event) in events.enumerated() {
        if said > 0 {
          if Self.isDelta(event) { said -= 1 }
          continue
        }
        await self.passGate(index)
        guard self.say(event, id, trace) else { return }
      }
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

  package func countTokens(_ request: EngineRequest) async throws(AtelierError) -> Int {
    if state.withLock(\.diesCounting) { die() }
    if isGone { throw AtelierError(.engineDied, "The engine died.") }
    return 7
  }

  package func shutdown() async {
    end(asked: true) { _, stream, trace in
      for event in trace.withRecord({ $0.end(.modelUnloaded, .modelUnloaded) }) { stream.yield(event) }
      stream.finish()
    }
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

  private static func isDelta(_ event: GenerationEvent) -> Bool {
    switch event {
    case .messageDelta, .reasoningDelta: true
    default: false
    }
  }

  /// False when the stream has ended meanwhile.
  private func say(_ event: GenerationEvent, _ id: UInt64, _ trace: GenerationTrace) -> Bool {
    let (goesOn, ended) = state.withLock { state -> (Bool, AsyncStream<GenerationEvent>.Continuation?) in
      guard let (stream, _) = state.streams[id] else { return (false, nil) }
      let news = trace.withRecord { record in
        let token = Int32(record.soFar?.tokens.count ?? 0)
        if Self.isDelta(event) { record.add(tokens: [token], logprobs: [], draws: 0, now: .now) }
        return record.add(event)
      }
      if let news { stream.yield(news) }
      guard case .finished = event else { return (true, nil) }
      state.streams[id] = nil
      return (true, stream)
    }
    ended?.finish()
    return goesOn
  }

  private func passGate(_ index: Int) async {
    await withCheckedContinuation { continuation in
      let waits = state.withLock { state in
        let waits = state.heldAfter.map { $0 <= index } ?? false
        if waits { state.held.append(continuation) }
        return waits
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

  private func end(
    asked: Bool, _ finish: (_ wasAlone: Bool, AsyncStream<GenerationEvent>.Continuation, GenerationTrace) -> Void
  ) {
    let (streams, waiters) = state.withLock { state in
      state.gone = state.gone ?? asked
      defer {
        state.streams = [:]
        state.waiters = []
      }
      return (Array(state.streams.values), state.waiters)
    }
    for (stream, trace) in streams { finish(streams.count == 1, stream, trace) }
    for waiter in waiters { waiter.resume(returning: asked) }
    open()
  }
}
