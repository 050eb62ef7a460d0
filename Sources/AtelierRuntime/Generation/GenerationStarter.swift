import AtelierCore

/// Begins a planned answer on a leased instance: one generation, or a tool loop of several.
struct GenerationStarter: Sendable {
  let plan: GenerationPlan
  let tools: ToolSupport?
  let clock: any RuntimeClock

  /// Throws what the engine refuses at once. With server-side tools nothing is refused here: the servers are connected when
  /// the events are read.
  func start(on lease: ModelLease) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    await lease.note(.processingPrompt)
    let request = plan.engineRequest(defaults: lease.defaults)
    guard let tools, !plan.request.integrations.isEmpty else { return try await lease.generate(request) }
    return ToolConversation(
      request: request, references: plan.request.integrations, options: plan.request.servedTools, support: tools,
      clock: clock, generate: { (request) throws(AtelierError) in try await lease.generate(request) }
    ).events
  }
}
