import AtelierCore
import AtelierModels
import Logging

/// What is loaded: loads on demand, one load at a time, hands out leases, unloads what is idle too long or has to make room.
/// `RegistryState` decides; this actor carries it out.
package actor ModelRegistry {
  private let source: any ModelSource
  private let launcher: any EngineLauncher
  private let clock: any RuntimeClock
  private let guardrail: MemoryGuardrail
  private let logger: Logger

  private let vocabularies: VocabularyEngines
  private var state: RegistryState
  /// By instance number.
  private var engines: [UInt64: any InferenceEngine] = [:]
  private var waiters: [UInt64: AsyncStream<LoadStep>.Continuation] = [:]
  /// By job number.
  private var launches: [UInt64: Task<Void, Never>] = [:]
  private var meters: [UInt64: LoadMeter] = [:]
  private var unloads: [UInt64: Task<Void, Never>] = [:]
  private var timer: (deadline: Duration, task: Task<Void, Never>)?
  private var isClosed = false

  package init(
    source: any ModelSource, launcher: any EngineLauncher, settings: RuntimeSettings = RuntimeSettings(),
    clock: any RuntimeClock = SystemClock(), guardrail: MemoryGuardrail = MemoryGuardrail(),
    logger: Logger = Logger(label: "models")
  ) {
    self.source = source
    self.launcher = launcher
    self.clock = clock
    self.guardrail = guardrail
    self.logger = logger
    vocabularies = VocabularyEngines(launcher: launcher, clock: clock)
    state = RegistryState(settings: settings)
  }

  package func update(_ settings: RuntimeSettings) {
    state.settings = settings
  }

  /// Ends everything: running launches, every instance. Returns when all memory is back; nothing can be loaded afterwards.
  package func shutdown() async {
    isClosed = true
    timer?.task.cancel()
    timer = nil
    // From the tail, so that no ended load makes the next one begin.
    for job in state.jobs.reversed() { if case (_, let actions)? = try? state.unload(id: job.id) { perform(actions) } }
    for launch in launches.values { await launch.value }
    await vocabularies.shutdown()
    let engines = self.engines.values
    await withTaskGroup(of: Void.self) { group in
      for engine in engines { group.addTask { await engine.shutdown() } }
    }
  }

  // MARK: Requests

  /// What the request's model name means. Throws `modelNotFound` or `modelTypeMismatch`, and `missingRequiredParameter` for
  /// no name where not exactly one model of that kind is loaded.
  func resolve(_ name: String, kind: ModelKind) async throws(AtelierError) -> ResolvedModel {
    if name.isEmpty { return try onlyLoaded(kind) }
    // Most requests name what is loaded: no look at the disk for them.
    if let known = loaded(name) { return try checked(known, kind: kind) }
    guard let found = await source.resolve(name) else {
      throw notFound(name, await source.suggestions(for: name))
    }
    return try checked(found, kind: kind)
  }

  /// Whether the draft model exists and could guess the other one's tokens. Throws as `resolve`, with the draft as `param`.
  func checkDraft(_ name: String, for target: ResolvedModel) async throws(AtelierError) {
    let draft: ResolvedModel
    do throws(AtelierError) {
      draft = try await resolve(name, kind: .llm)
    } catch {
      var error = error
      error.param = "draft_model"
      throw error
    }
    guard let own = await source.vocabulary(of: target.model.variants[target.variant]),
      let guessed = await source.vocabulary(of: draft.model.variants[draft.variant]), !own.fits(guessed)
    else { return }
    throw AtelierError(
      .invalidValue, "Model '\(draft.model.key)' cannot draft for '\(target.model.key)': their vocabularies differ.",
      param: "draft_model")
  }

  /// A place at an instance that serves the model. Throws as `resolve`, and `invalidValue` for the context,
  /// `modelNotLoaded`, `serverBusy`, `permissionDenied` when a load is needed and `mayLoad` is false.
  func reserve(
    _ name: String, target: ResolvedModel, contextLength: Int?, timeToLive: TimeToLive?, mayLoad: Bool = true
  ) async throws(AtelierError) -> ModelReservation {
    let defaults = await source.defaults(forKey: target.model.key)
    guard !isClosed else { throw .shuttingDown }
    let plan = try LoadPlan(
      target, defaults: defaults, settings: state.settings,
      asked: ModelLoadRequest(model: name, contextLength: contextLength))
    let (place, actions) = try state.reserve(
      instance: state.named(name)?.number, plan: plan, contextLength: contextLength, timeToLive: timeToLive,
      mayLoad: mayLoad, now: clock.now)
    let reservation: ModelReservation
    switch place {
    case .ready(let id, let number):
      guard let instance = state.instance(number), let engine = engines[number] else { throw .shuttingDown }
      let lease = ModelLease(id: id, instance: instance, engine: engine, registry: self)
      reservation = ModelReservation(selection: lease.selection, outcome: .ready(lease))
    case .waiting(let waiter, let selection):
      reservation = ModelReservation(selection: selection, outcome: .loading(steps(for: waiter)))
    }
    perform(actions)
    return reservation
  }

  /// A lease on the model, loading it if needed.
  func lease(
    _ name: String, kind: ModelKind, contextLength: Int? = nil, timeToLive: TimeToLive? = nil,
    mayLoad: Bool = true
  ) async throws(AtelierError) -> ModelLease {
    let target = try await resolve(name, kind: kind)
    let reservation = try await reserve(
      name, target: target, contextLength: contextLength, timeToLive: timeToLive, mayLoad: mayLoad)
    switch reservation.outcome {
    case .ready(let lease): return lease
    case .loading(let steps): return try await Self.lease(from: steps)
    }
  }

  /// A lease on what takes the part of an instance whose engine died: the same model under the same id and terms. As
  /// `ModelLease.renew`.
  func lease(after dead: RegistryState.Origin) async throws(AtelierError) -> ModelLease {
    // Whoever needs the engine may know of its end before this does.
    if let engine = engines[dead.number] {
      let asked = await engine.waitUntilGone()
      gone(dead.number, asked: asked)
      if asked { throw .modelUnloaded }
    }
    guard !isClosed else { throw .shuttingDown }
    let (place, actions) = try state.succeed(dead, now: clock.now)
    switch place {
    case .ready(let id, let number):
      guard let instance = state.instance(number), let engine = engines[number] else { throw .shuttingDown }
      let lease = ModelLease(id: id, instance: instance, engine: engine, registry: self)
      perform(actions)
      return lease
    case .waiting(let waiter, _):
      let steps = steps(for: waiter)
      perform(actions)
      return try await Self.lease(from: steps)
    }
  }

  private static func lease(from steps: AsyncStream<LoadStep>) async throws(AtelierError) -> ModelLease {
    for await step in steps {
      switch step {
      case .ready(let lease, _): return lease
      case .failed(let error): throw error
      case .started, .progress: continue
      }
    }
    throw .requestCancelled
  }

  /// A lease on an instance of the model if there is one that is ready; nothing is loaded.
  func leaseIfLoaded(_ name: String, target: ResolvedModel) -> ModelLease? {
    guard let (id, number) = state.leaseIfReady(named: name, target), let instance = state.instance(number),
      let engine = engines[number]
    else { return nil }
    return ModelLease(id: id, instance: instance, engine: engine, registry: self)
  }

  /// Prompt tokens of a request without images to a model that need not be loaded. Throws as `VocabularyEngines.count`.
  func countUnloaded(
    _ plan: GenerationPlan, target: ResolvedModel
  ) async throws(AtelierError) -> Int {
    let defaults = await source.defaults(forKey: target.model.key)
    let load = try LoadPlan(
      target, defaults: defaults, settings: state.settings,
      asked: ModelLoadRequest(model: target.model.key, contextLength: plan.request.contextLength)
    ).vocabularyLoad(state.settings)
    return try await vocabularies.count(
      plan.engineRequest(defaults: defaults), load, ofModel: target.model.key, maxDeaths: state.settings.maxDeaths)
  }

  func note(_ activity: RegistryState.Activity, lease: UInt64, of number: UInt64) {
    state.note(activity, lease: lease, of: number)
  }

  func release(lease: UInt64, of number: UInt64) {
    perform(state.release(lease: lease, of: number, now: clock.now, wall: clock.wallMilliseconds))
  }

  private func loaded(_ name: String) -> ResolvedModel? {
    (state.named(name)?.plan ?? state.loading(named: name)?.plan)?.target
  }

  /// Which of several models is meant, nobody can know; of several instances of one it is the one used last.
  private func onlyLoaded(_ kind: ModelKind) throws(AtelierError) -> ResolvedModel {
    let ready = state.instances.filter { $0.phase == .ready && $0.plan.model.kind == kind }
    let last = ready.max { ($0.lastUsed ?? 0) < ($1.lastUsed ?? 0) }
    guard let last, ready.allSatisfy({ $0.plan.model.key == last.plan.model.key }) else {
      let reason = ready.isEmpty ? "no model is loaded" : "several models are loaded"
      throw AtelierError(
        .missingRequiredParameter, "'model' is required, because \(reason) that could be meant", param: "model")
    }
    return last.plan.target
  }

  private func checked(_ target: ResolvedModel, kind: ModelKind) throws(AtelierError) -> ResolvedModel {
    guard target.model.kind == kind else {
      let message =
        kind == .llm
        ? "Model '\(target.model.key)' is an embedding model and cannot generate text."
        : "Model '\(target.model.key)' is a language model and makes no embeddings."
      throw AtelierError(.modelTypeMismatch, message, param: "model")
    }
    return target
  }

  private func notFound(_ name: String, _ suggestions: [String]) -> AtelierError {
    let names = suggestions.map { "'\($0)'" }.joined(separator: ", ")
    let hint = names.isEmpty ? "List the downloaded models to see what there is." : "Did you mean \(names)?"
    return AtelierError(.modelNotFound, "Model '\(name.prefix(120))' not found. \(hint)", param: "model")
  }

  private func steps(for waiter: UInt64) -> AsyncStream<LoadStep> {
    // Progress is sent ten times a second at most and a load has a deadline, which bounds what can pile up.
    let (stream, continuation) = AsyncStream.makeStream(of: LoadStep.self)
    waiters[waiter] = continuation
    continuation.onTermination = { [weak self] reason in
      guard case .cancelled = reason, let self else { return }
      Task { await self.abandon(waiter) }
    }
    return stream
  }

  private func abandon(_ waiter: UInt64) {
    guard waiters.removeValue(forKey: waiter) != nil else { return }
    perform(state.abandon(waiter: waiter))
  }

  // MARK: Acting

  private func perform(_ actions: [RegistryState.Action]) {
    for action in actions {
      switch action {
      case .launch(let job, let plan): launch(job, plan)
      case .cancelLaunch(let job): launches[job]?.cancel()
      case .unload(let number): startUnloading(number)
      case .started(let waiter): waiters[waiter]?.yield(.started)
      case .grant(let waiter, let id, let number, let seconds):
        guard let instance = state.instance(number), let engine = engines[number] else { continue }
        // Without a continuation the waiter has gone; the lease ends as it is dropped.
        let lease = ModelLease(id: id, instance: instance, engine: engine, registry: self)
        let continuation = waiters.removeValue(forKey: waiter)
        continuation?.yield(.ready(lease, seconds: seconds))
        continuation?.finish()
      case .fail(let waiter, let error):
        let continuation = waiters.removeValue(forKey: waiter)
        continuation?.yield(.failed(error))
        continuation?.finish()
      }
    }
    armTimer()
  }

  private func launch(_ job: UInt64, _ plan: LoadPlan) {
    let begun = clock.now
    let waiting = state.jobs.first { $0.number == job }
    let mode = waiting?.terms.isForced == true ? .off : state.settings.guardrail
    let initiators = waiting?.waiters.filter(\.isInitiator) ?? []
    let load = plan.load(state.settings)
    let continuations = initiators.compactMap { waiters[$0.id] }
    let meter = LoadMeter()
    meters[job] = meter
    let clock = self.clock
    logger.info("loading", metadata: ["model": "\(plan.model.key)"])
    launches[job] = Task { [launcher, guardrail, source] in
      do throws(AtelierError) {
        let needed = await source.estimate(plan.variant, plan.model.kind, plan.configuration)
        let verdict = guardrail.verdict(on: needed.total, mode: mode)
        guard verdict.fits else {
          if let actions = self.state.makeRoom(forJob: job) {
            self.launches[job] = nil
            self.meters[job] = nil
            return self.perform(actions)
          }
          throw MemoryGuardrail.error(plan, verdict)
        }
        var load = load
        load.estimatedBytes = needed.total
        if load.configuration.useMemoryMap == nil {
          load.configuration.useMemoryMap = !verdict.leavesRoomForCopy(of: needed.weights)
        }
        let engine = try await launcher.launch(load) { progress in
          let now = clock.now
          for value in meter.values(for: progress, now: now) {
            for continuation in continuations { continuation.yield(.progress(value)) }
          }
        }
        for value in meter.final() {
          for continuation in continuations { continuation.yield(.progress(value)) }
        }
        await self.launched(job, engine, seconds: (clock.now - begun).inSeconds)
      } catch {
        self.launchFailed(job, error)
      }
    }
  }

  private func launched(_ job: UInt64, _ engine: any InferenceEngine, seconds: Double) async {
    launches[job] = nil
    meters[job] = nil
    engines[job] = engine
    logger.info("loaded", metadata: ["memory": "\(engine.properties.memoryNote ?? "")"])
    let actions = state.launched(
      job: job, seconds: seconds, contextLength: engine.properties.contextLength, now: clock.now)
    guard let actions else {
      engines[job] = nil
      await engine.shutdown()
      return
    }
    Task {
      let asked = await engine.waitUntilGone()
      self.gone(job, asked: asked)
    }
    perform(actions)
  }

  private func launchFailed(_ job: UInt64, _ error: AtelierError) {
    launches[job] = nil
    meters[job] = nil
    logger.log(
      level: error.code == .cancelled ? .info : .error, "load failed", metadata: ["code": "\(error.code.rawValue)"])
    perform(state.launchFailed(job: job, error))
  }

  @discardableResult
  private func startUnloading(_ number: UInt64) -> Task<Void, Never>? {
    if let running = unloads[number] { return running }
    guard let engine = engines[number] else { return nil }
    let task = Task {
      await engine.shutdown()
      self.gone(number, asked: true)
    }
    unloads[number] = task
    return task
  }

  /// Comes from whoever notices first; the second notice finds nothing to do.
  private func gone(_ number: UInt64, asked: Bool) {
    engines[number] = nil
    unloads[number] = nil
    guard let instance = state.instance(number) else { return }
    let died = !asked && instance.phase != .unloading
    logger.log(
      level: died ? .error : .info, died ? "engine died" : "unloaded", metadata: ["instance": "\(instance.id)"])
    perform(state.gone(instance: number, died: died, now: clock.now))
  }

  private func armTimer() {
    guard !isClosed, let deadline = state.nextDeadline else {
      timer?.task.cancel()
      timer = nil
      return
    }
    if let timer, timer.deadline == deadline { return }
    timer?.task.cancel()
    let task = Task { [weak self, clock] in
      guard (try? await clock.sleep(until: deadline)) != nil else { return }
      await self?.tick(deadline)
    }
    timer = (deadline, task)
  }

  private func tick(_ deadline: Duration) {
    guard timer?.deadline == deadline else { return }
    timer = nil
    perform(state.tick(now: clock.now))
  }
}

extension ModelRegistry: ModelManaging {
  /// A model whose file went away, or took another key, is listed as long as it is loaded.
  package func models() async -> [ModelDescription] {
    var models = await source.models()
    let keys = Set(models.map(\.key))
    var added: Set<String> = []
    for instance in state.instances where !keys.contains(instance.plan.model.key) {
      if added.insert(instance.plan.model.key).inserted { models.append(instance.plan.model) }
    }
    if !added.isEmpty { models.sort { ($0.kind == .llm ? 0 : 1, $0.key) < ($1.kind == .llm ? 0 : 1, $1.key) } }
    return models
  }

  package func instances() async -> [InstanceDescription] {
    let known = state.instances.map { ($0.number, $0.description) } + state.jobs.map { ($0.number, $0.description) }
    return known.sorted { $0.0 < $1.0 }.map { number, description in
      var description = description
      description.memoryBytes = engines[number]?.properties.memoryBytes
      description.loadProgress = meters[number]?.value
      return description
    }
  }

  /// A caller that goes away does not end the load: the next request will want it.
  package func load(_ request: ModelLoadRequest) async throws(AtelierError) -> InstanceDescription {
    let plan = try await plan(request)
    guard !isClosed else { throw .shuttingDown }
    let (waiter, actions) = try state.load(plan, asked: request, now: clock.now)
    let steps = steps(for: waiter)
    perform(actions)
    let lease = try await Self.lease(from: steps)
    var loaded = state.instance(lease.number)?.description
    loaded?.memoryBytes = lease.engine.properties.memoryBytes
    await lease.release()
    guard var description = loaded else { throw .modelUnloaded }
    description.state = .idle
    description.queued = 0
    return description
  }

  package func unload(instanceID: String) async throws(AtelierError) {
    let (number, actions) = try state.unload(id: instanceID)
    let launch = launches[number]
    perform(actions)
    await launch?.value
    if let task = startUnloading(number) { await task.value }
  }

  package func estimate(_ request: ModelLoadRequest) async throws(AtelierError) -> LoadEstimate {
    let plan = try await plan(request)
    let needed = await source.estimate(plan.variant, plan.model.kind, plan.configuration)
    let mode = request.isForced ? .off : state.settings.guardrail
    let verdict = guardrail.verdict(on: needed.total, mode: mode)
    return LoadEstimate(
      modelKey: plan.model.key, contextLength: plan.configuration.contextLength, weights: needed.weights,
      keyValueCache: needed.keyValueCache, compute: needed.compute, available: verdict.available, fits: verdict.fits)
  }

  private func plan(_ request: ModelLoadRequest) async throws(AtelierError) -> LoadPlan {
    guard let target = await source.resolve(request.model) else {
      throw notFound(request.model, await source.suggestions(for: request.model))
    }
    let defaults = await source.defaults(forKey: target.model.key)
    return try LoadPlan(target, defaults: defaults, settings: state.settings, asked: request)
  }
}
