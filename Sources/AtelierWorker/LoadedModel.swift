import AtelierCore
import AtelierEngine
import AtelierWorkerProtocol
import Foundation
import Synchronization

/// A model that is loaded and answers: prompts are prepared on a few threads of their own, the engine computes on its
/// thread, answers leave through the output stage. No call here blocks for long.
final class LoadedModel: Sendable {
  private static let preparerThreads = 2
  /// Past the API process's own queue limit (`limits.queue` at its largest); reaching it means that one is broken.
  private static let maxWaitingJobs = 1 << 17
  /// Bytes of requests that wait to be prepared: images, mostly.
  private static let maxWaitingBytes = 256 << 20

  let properties: EngineProperties
  private let backend: any ModelBackend
  private let kind: ModelKind
  private let engine: BatchingEngine
  /// What the engine's steps become: text, or answers of vectors with an embedding model.
  private let stage: OutputStage
  private let vectors: VectorStage
  private let send: @Sendable (WorkerReport) -> Void
  private let jobs = LiveJobs()
  /// Prompts of text that are being made now, since when. Making one has limits of its own; this is for what gets past them.
  private let prompts = Mutex<[UInt64: ContinuousClock.Instant]>([:])
  private static let promptPatience = Duration.seconds(30)
  private let preparers = ThreadPool(
    name: "prompts", threads: preparerThreads, capacity: maxWaitingJobs, maxCost: maxWaitingBytes)
  /// Decoding and encoding an image takes from milliseconds to seconds. On a thread of its own it holds up neither prompts
  /// of text nor the engine; one at a time, because each uses several cores.
  private let pictures = ThreadPool(
    name: "images", threads: 1, capacity: maxWaitingJobs, maxCost: maxWaitingBytes)

  /// Starts the engine, which makes the model's context; with a vocabulary alone the engine never runs and refuses
  /// everything. `send` may block; `overrun` is called when reports are not read.
  init(
    _ backend: any ModelBackend, load: EngineLoad, send: @escaping @Sendable (WorkerReport) -> Void,
    overrun: @escaping @Sendable () -> Void
  ) async throws(AtelierError) {
    let stage = OutputStage(overrun: overrun)
    let vectors = VectorStage(overrun: overrun)
    let configuration = EngineConfiguration(
      parallel: load.configuration.parallel, maxWaiting: load.maxWaiting,
      maxWaitingSeconds: Double(load.waitingSeconds), promptTokensPerStep: load.configuration.evalBatchSize)
    let engine =
      switch load.kind {
      case .llm:
        BatchingEngine(
          makeRunner: { try backend.makeRunner() }, configuration: configuration, sink: { stage.add($0) })
      case .embedding:
        BatchingEngine(
          makePoolingRunner: { try backend.makePoolingRunner() }, configuration: configuration,
          sink: { vectors.add($0) })
      }
    do {
      if !load.isVocabularyOnly { try await engine.start() }
    } catch {
      throw error as? AtelierError
        ?? AtelierError(.modelLoadFailed, "The model was read, but its context could not be made.")
    }
    let cancel: @Sendable (UInt64) -> Void = { id in Task { await engine.cancel(id) } }
    switch load.kind {
    case .llm: stage.start(send: send, cancel: cancel)
    case .embedding: vectors.start(send: send, cancel: cancel)
    }
    self.backend = backend
    kind = load.kind
    self.engine = engine
    self.stage = stage
    self.vectors = vectors
    self.send = send
    properties = backend.properties
  }

  /// A request whose prompt takes so long that it will never be done.
  var stuckPrompt: UInt64? {
    let limit = ContinuousClock.now - Self.promptPatience
    return prompts.withLock { prompts in prompts.first { $0.value < limit }?.key }
  }

  var state: WorkerState {
    let state = engine.state
    return WorkerState(running: state.running, waiting: state.waiting, steps: state.steps)
  }

  /// `cost`: the request's bytes.
  func predict(id: UInt64, _ request: EngineRequest, cost: Int) {
    let arrival = MonotonicClock.seconds
    guard kind == .llm else {
      return send(
        .rejected(
          id: id,
          AtelierError(.modelTypeMismatch, "This is an embedding model: it cannot generate text.", param: "model")))
    }
    start(id, on: request.hasImages ? pictures : preparers, cost: cost) { model in
      guard let prompt = model.attempt(id, { () throws(AtelierError) in try model.prepare(id, request) }) else {
        return
      }
      let backend = model.backend
      let stops = request.stop + prompt.additionalStops
      // What another engine went on from was scored there.
      let scoresPrompt = request.scoresPrompt && request.soFar == nil
      let scoring = scoresPrompt ? Self.scoring(prompt.tokens, backend) : nil
      model.stage.open(id: id, soFar: request.soFar) {
        OutputPipeline(
          promptTokens: prompt.tokens.count, accepted: arrival, stops: stops, parser: prompt.makeParser(),
          maxToolCalls: request.parallelToolCalls ? .max : 1, showsReasoning: request.reasoning != .off,
          scoring: scoring,
          piece: { backend.piece(of: $0, preserved: prompt.preservedTokens) })
      }
      var sequence = SequenceRequest(
        id: id, prompt: prompt.tokens, media: prompt.media, sampling: request.sampling,
        maxTokens: request.maxOutputTokens, grammar: prompt.grammar, topLogprobs: request.topLogprobs,
        client: request.client)
      sequence.generated = request.soFar?.tokens ?? []
      sequence.draws = request.soFar?.draws ?? 0
      sequence.scoresPrompt = scoresPrompt
      Task { [sequence] in await model.submit(sequence) }
    }
  }

  /// Special tokens of the prompt are spelled out, as they were written.
  private static func scoring(_ prompt: [Int32], _ backend: any ModelBackend) -> OutputPipeline.Scoring {
    let written = Set(prompt)
    return OutputPipeline.Scoring(prompt: prompt) { backend.piece(of: $0, preserved: written) }
  }

  /// Prompt tokens of the request, of any number.
  func countTokens(id: UInt64, _ request: EngineRequest, cost: Int) {
    start(id, cost: cost) { model in
      func count() throws(AtelierError) -> Int {
        try model.watched(id, request) { () throws(AtelierError) in
          try PromptPreparer(backend: model.backend).count(request)
        }
      }
      guard let tokens = model.attempt(id, count) else { return }
      model.jobs.end(id)
      model.send(.counted(id: id, tokens: tokens))
    }
  }

  func embed(id: UInt64, _ request: EmbeddingRequest, cost: Int) {
    pool(id, cost: cost) { (backend, proceed) throws(AtelierError) in
      try Embedder(backend: backend).job(id, request, proceed: proceed)
    }
  }

  func rerank(id: UInt64, _ request: RerankRequest, cost: Int) {
    pool(id, cost: cost) { (backend, proceed) throws(AtelierError) in
      try Reranker(backend: backend).job(id, request, proceed: proceed)
    }
  }

  /// `prepare` asks before each input whether to go on.
  private func pool(
    _ id: UInt64, cost: Int,
    _ prepare: @escaping @Sendable (any ModelBackend, _ proceed: () -> Bool) throws(AtelierError) -> PoolingJob
  ) {
    guard kind == .embedding else {
      return send(
        .rejected(
          id: id,
          AtelierError(
            .modelTypeMismatch, "The model generates text; embeddings need an embedding model.", param: "model")))
    }
    start(id, cost: cost) { model in
      let job = model.attempt(id) { () throws(AtelierError) in
        try prepare(model.backend) { !model.jobs.isCancelled(id) }
      }
      guard let job else { return }
      model.vectors.open(id: id, job)
      Task { await model.submit(PoolingRequest(id: id, inputs: job.inputs)) }
    }
  }

  /// Does nothing when no such request is live.
  func cancel(id: UInt64) {
    guard !jobs.cancel(id) else { return }
    Task { await engine.cancel(id) }
  }

  /// Ends all sequences and frees the model's context. Waits at most `seconds`.
  func shutdown(within seconds: Double) {
    preparers.close()
    pictures.close()
    let done = DispatchSemaphore(value: 0)
    Task {
      await engine.shutdown()
      done.signal()
    }
    _ = done.wait(timeout: .now() + seconds)
    stage.close()
    vectors.close()
  }

  private func start(
    _ id: UInt64, on pool: ThreadPool? = nil, cost: Int, _ job: @escaping @Sendable (LoadedModel) -> Void
  ) {
    jobs.begin(id)
    if (pool ?? preparers).run(cost: cost, { job(self) }) { return }
    jobs.end(id)
    send(
      .rejected(
        id: id,
        AtelierError(.serverBusy, "Too many requests are waiting for this model. Try again later.", retryAfter: 5)))
  }

  /// The result, or nil after the job was ended and its error reported.
  private func attempt<Result>(_ id: UInt64, _ body: () throws(AtelierError) -> Result) -> Result? {
    do throws(AtelierError) {
      return try body()
    } catch {
      jobs.end(id)
      send(.rejected(id: id, error))
      return nil
    }
  }

  private func prepare(_ id: UInt64, _ request: EngineRequest) throws(AtelierError) -> RenderedPrompt {
    let jobs = jobs
    return try watched(id, request) { () throws(AtelierError) in
      try PromptPreparer(backend: backend).prepare(request) { !jobs.isCancelled(id) }
    }
  }

  /// Does what renders a prompt, under the eyes of `stuckPrompt`. Reading pictures takes its time by right.
  private func watched<Result>(
    _ id: UInt64, _ request: EngineRequest, _ body: () throws(AtelierError) -> Result
  ) throws(AtelierError) -> Result {
    guard !jobs.isCancelled(id) else { throw .requestCancelled }
    if !request.hasImages { prompts.withLock { $0[id] = .now } }
    defer { prompts.withLock { _ = $0.removeValue(forKey: id) } }
    return try body()
  }

  private func submit(_ sequence: SequenceRequest) async {
    do throws(AtelierError) {
      guard !jobs.isCancelled(sequence.id) else { throw .requestCancelled }
      try await engine.submit(sequence)
      stage.accept(id: sequence.id)
      // A cancel that came before this line found the job and left the sequence alone; one that comes after it finds none.
      if jobs.end(sequence.id) { await engine.cancel(sequence.id) }
    } catch {
      jobs.end(sequence.id)
      stage.discard(id: sequence.id)
      send(.rejected(id: sequence.id, error))
    }
  }

  private func submit(_ request: PoolingRequest) async {
    do throws(AtelierError) {
      guard !jobs.isCancelled(request.id) else { throw .requestCancelled }
      try await engine.submit(request)
      // As above.
      if jobs.end(request.id) { await engine.cancel(request.id) }
    } catch {
      jobs.end(request.id)
      vectors.discard(id: request.id)
      send(.rejected(id: request.id, error))
    }
  }
}
