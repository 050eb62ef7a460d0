import AtelierCore
import AtelierEngine
import AtelierWorkerProtocol
import Foundation
import Synchronization

/// A model that is loaded and answers: prompts are prepared on a few threads of their own, the engine computes on its
/// thread, answers leave through the output stage. No call here blocks for long.
final class LoadedModel: Sendable {
  private struct EmbeddingActivity {
    var running = 0
    var waiting = 0
    var calls: UInt64 = 0
  }

  private static let preparerThreads = 2
  /// Past the API process's own queue limit; reaching it means that one is broken.
  private static let maxWaitingJobs = 256
  /// Bytes of requests that wait to be prepared: images, mostly.
  private static let maxWaitingBytes = 256 << 20

  let properties: EngineProperties
  private let backend: any ModelBackend
  /// nil for an embedding model.
  private let engine: BatchingEngine?
  private let stage: OutputStage
  private let send: @Sendable (WorkerReport) -> Void
  private let jobs = LiveJobs()
  private let preparers = ThreadPool(
    name: "prompts", threads: preparerThreads, capacity: maxWaitingJobs, maxCost: maxWaitingBytes)
  private let embedders = ThreadPool(
    name: "embeddings", threads: 1, capacity: maxWaitingJobs, maxCost: maxWaitingBytes)
  private let embedding = Mutex(EmbeddingActivity())

  /// Starts the engine, which makes the model's context. `send` may block; `overrun` is called when reports are not read.
  init(
    _ backend: any ModelBackend, load: EngineLoad, send: @escaping @Sendable (WorkerReport) -> Void,
    overrun: @escaping @Sendable () -> Void
  ) async throws(AtelierError) {
    let stage = OutputStage(overrun: overrun)
    var engine: BatchingEngine?
    if load.kind == .llm {
      let started = BatchingEngine(
        makeRunner: { try backend.makeRunner() },
        configuration: EngineConfiguration(
          parallel: load.configuration.parallel, promptTokensPerStep: load.configuration.evalBatchSize),
        sink: { stage.add($0) })
      do {
        try await started.start()
      } catch {
        throw error as? AtelierError
          ?? AtelierError(.modelLoadFailed, "The model was read, but its context could not be made.")
      }
      stage.start(send: send) { id in Task { await started.cancel(id) } }
      engine = started
    }
    self.backend = backend
    self.engine = engine
    self.stage = stage
    self.send = send
    properties = backend.properties
  }

  var state: WorkerState {
    let generation = engine?.state ?? EngineState()
    let embedding = embedding.withLock { $0 }
    return WorkerState(
      running: generation.running + embedding.running, waiting: generation.waiting + embedding.waiting,
      steps: generation.steps + embedding.calls)
  }

  /// `cost`: the request's bytes.
  func predict(id: UInt64, _ request: EngineRequest, cost: Int) {
    let arrival = MonotonicClock.seconds
    guard let engine else {
      return send(
        .rejected(
          id: id,
          AtelierError(.modelTypeMismatch, "This is an embedding model: it cannot generate text.", param: "model")))
    }
    start(id, on: preparers, cost: cost) { model in
      guard let prompt = model.attempt(id, { () throws(AtelierError) in try model.prepare(id, request) }) else {
        return
      }
      let backend = model.backend
      let stops = request.stop + prompt.additionalStops
      model.stage.open(id: id) {
        OutputPipeline(
          promptTokens: prompt.tokens.count, accepted: arrival, stops: stops, parser: prompt.makeParser(),
          maxToolCalls: request.parallelToolCalls ? .max : 1,
          piece: { backend.piece(of: $0, preserved: prompt.preservedTokens) })
      }
      let sequence = SequenceRequest(
        id: id, prompt: prompt.tokens, sampling: request.sampling, maxTokens: request.maxOutputTokens,
        grammar: prompt.grammar, topLogprobs: request.topLogprobs)
      Task { await model.submit(sequence, to: engine) }
    }
  }

  /// Prompt tokens of the request, of any number.
  func countTokens(id: UInt64, _ request: EngineRequest, cost: Int) {
    start(id, on: preparers, cost: cost) { model in
      guard
        let tokens = model.attempt(
          id, { () throws(AtelierError) in try PromptPreparer(backend: model.backend).count(request) })
      else { return }
      model.jobs.end(id)
      model.send(.counted(id: id, tokens: tokens))
    }
  }

  func embed(id: UInt64, _ request: EmbeddingRequest, cost: Int) {
    compute(id, cost: cost) { (backend, proceed) throws(AtelierError) in
      .embedded(id: id, try Embedder(backend: backend).embed(request, proceed: proceed))
    }
  }

  func rerank(id: UInt64, _ request: RerankRequest, cost: Int) {
    compute(id, cost: cost) { (backend, proceed) throws(AtelierError) in
      .reranked(id: id, try Reranker(backend: backend).rerank(request, proceed: proceed))
    }
  }

  /// Runs a job on the embeddings' thread and sends the report it makes. The job asks before each call of the engine
  /// whether to go on.
  private func compute(
    _ id: UInt64, cost: Int,
    _ job: @escaping @Sendable (any ModelBackend, _ proceed: () -> Bool) throws(AtelierError) -> WorkerReport
  ) {
    embedding.withLock { $0.waiting += 1 }
    let started = start(id, on: embedders, cost: cost) { model in
      model.embedding.withLock {
        $0.waiting -= 1
        $0.running += 1
      }
      defer { model.embedding.withLock { $0.running -= 1 } }
      let report = model.attempt(id) { () throws(AtelierError) in
        try job(model.backend) {
          model.embedding.withLock { $0.calls += 1 }
          return !model.jobs.isCancelled(id)
        }
      }
      guard let report else { return }
      model.jobs.end(id)
      model.send(report)
    }
    if !started { embedding.withLock { $0.waiting -= 1 } }
  }

  /// Does nothing when no such request is live.
  func cancel(id: UInt64) {
    guard !jobs.cancel(id), let engine else { return }
    Task { await engine.cancel(id) }
  }

  /// Ends all sequences and frees the model's context. Waits at most `seconds`.
  func shutdown(within seconds: Double) {
    preparers.close()
    embedders.close()
    if let engine {
      let done = DispatchSemaphore(value: 0)
      Task {
        await engine.shutdown()
        done.signal()
      }
      _ = done.wait(timeout: .now() + seconds)
    }
    stage.close()
  }

  @discardableResult
  private func start(
    _ id: UInt64, on pool: ThreadPool, cost: Int, _ job: @escaping @Sendable (LoadedModel) -> Void
  ) -> Bool {
    jobs.begin(id)
    if pool.run(cost: cost, { job(self) }) { return true }
    jobs.end(id)
    send(
      .rejected(
        id: id,
        AtelierError(.serverBusy, "Too many requests are waiting for this model. Try again later.", retryAfter: 5)))
    return false
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
    guard !jobs.isCancelled(id) else { throw Self.cancelled }
    return try PromptPreparer(backend: backend).prepare(request)
  }

  private func submit(_ sequence: SequenceRequest, to engine: BatchingEngine) async {
    do throws(AtelierError) {
      guard !jobs.isCancelled(sequence.id) else { throw Self.cancelled }
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

  private static let cancelled = AtelierError(.cancelled, "The request was cancelled.")
}
