import AtelierCore
import AtelierStore

/// The runtime's front door: resolves the model, restores stored turns, leases an instance, and stores what was answered.
package struct GenerationService: GenerationServing {
  private let registry: ModelRegistry
  let store: ConversationStore
  private let tools: ToolSupport?
  private let clock: any RuntimeClock

  /// `tools` nil: no request may use servers of tools.
  package init(
    registry: ModelRegistry, store: ConversationStore, tools: ToolSupport? = nil,
    clock: any RuntimeClock = SystemClock()
  ) {
    self.registry = registry
    self.store = store
    self.tools = tools
    self.clock = clock
  }

  package func generate(_ request: GenerationRequest) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    try await (tools?.policy ?? .closed).check(request.integrations, for: request.caller) { id in
      await tools?.source.label(ofPlugin: id)
    }
    let target = try await registry.resolve(request.model, kind: .llm)
    if let draft = request.draftModel { try await registry.checkDraft(draft, for: target) }
    let plan = try await plan(request, for: target.model)
    for (place, reference) in request.integrations.enumerated() { try await tools?.source.check(reference, at: place) }
    let starter = GenerationStarter(plan: plan, tools: tools, clock: clock)
    let reservation = try await registry.reserve(
      request.model, target: target, contextLength: request.contextLength, timeToLive: request.timeToLive,
      mayLoad: request.caller.permissions.modelsLoad)
    let pump: GenerationPump
    switch reservation.outcome {
    case .ready(let lease):
      let events: AsyncStream<GenerationEvent>
      do throws(AtelierError) {
        events = try await starter.start(on: lease)
      } catch {
        await lease.release()
        throw error
      }
      pump = GenerationPump(
        starter, selection: reservation.selection, stage: .generating(events.makeAsyncIterator(), lease), store: store)
    case .loading(let steps):
      pump = GenerationPump(
        starter, selection: reservation.selection, stage: .loading(steps.makeAsyncIterator()), store: store)
    }
    return AsyncStream { await pump.next() }
  }

  package func embed(
    model: String, _ request: EmbeddingRequest, timeToLive: TimeToLive?, caller: Caller
  ) async throws(AtelierError) -> (InstanceSelection, EmbeddingResult) {
    let lease = try await registry.lease(
      model, kind: .embedding, timeToLive: timeToLive, mayLoad: caller.permissions.modelsLoad)
    let result = try await lease.lastCall { (engine) throws(AtelierError) in try await engine.embed(request) }
    return (lease.selection, result)
  }

  package func rerank(
    model: String, _ request: RerankRequest, timeToLive: TimeToLive?, caller: Caller
  ) async throws(AtelierError) -> (InstanceSelection, RerankResult) {
    let lease = try await registry.lease(
      model, kind: .embedding, timeToLive: timeToLive, mayLoad: caller.permissions.modelsLoad)
    let result = try await lease.lastCall { (engine) throws(AtelierError) in try await engine.rerank(request) }
    return (lease.selection, result)
  }

  package func countTokens(_ request: GenerationRequest) async throws(AtelierError) -> Int {
    let target = try await registry.resolve(request.model, kind: .llm)
    let plan = try await plan(request, for: target.model)
    let lease: ModelLease
    if let loaded = await registry.leaseIfLoaded(request.model, target: target) {
      lease = loaded
    } else if !plan.hasImages {
      return try await registry.countUnloaded(plan, target: target)
    } else {
      // How many tokens an image is, only the projector tells.
      lease = try await registry.lease(
        request.model, kind: .llm, contextLength: request.contextLength, timeToLive: request.timeToLive,
        mayLoad: request.caller.permissions.modelsLoad)
    }
    let asked = plan.engineRequest(defaults: lease.defaults)
    return try await lease.lastCall { (engine) throws(AtelierError) in try await engine.countTokens(asked) }
  }

  private func plan(
    _ request: GenerationRequest, for model: ModelDescription
  ) async throws(AtelierError) -> GenerationPlan {
    var request = request
    if request.reasoningIsHint, let setting = request.reasoning {
      request.reasoning = model.capabilities.reasoning?.nearest(to: setting)
    }
    try GenerationPlan.check(request, for: model)
    var history: [ConversationNode] = []
    if let id = request.previousResponseID { history = try await store.history(of: id, scope: request.caller.ownChats) }
    let plan = GenerationPlan(request: request, history: history)
    try plan.checkImages(for: model)
    return plan
  }
}
