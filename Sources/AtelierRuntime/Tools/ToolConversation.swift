import AtelierCore

/// Carries out what `ToolLoop` decides: connects the servers, runs rounds on the engine and calls on the servers, and shows
/// all of it as the events of one generation. Everything happens in the consumer's task, so a consumer that leaves ends the
/// round or the call that is under way. The engine holds nothing for the answer while a call runs.
actor ToolConversation {
  private enum Stage {
    case connecting
    case starting(ToolLoop.Round)
    case generating(AsyncStream<GenerationEvent>.Iterator)
    case calling(ToolLoop.Order, AsyncStream<GenerationEvent>.Iterator)
    case ended
  }

  private let generate: Generate
  private let request: EngineRequest
  private let references: [ToolProviderReference]
  private let options: ServedToolOptions
  private let support: ToolSupport
  private let clock: any RuntimeClock
  private let begun: Duration

  private var providers: [any ToolProvider] = []
  private var loop: ToolLoop
  private var stage = Stage.connecting
  private var ready: [GenerationEvent] = []
  private var isFirstRound = true

  /// One round on the engine.
  typealias Generate = @Sendable (EngineRequest) async throws(AtelierError) -> AsyncStream<GenerationEvent>

  /// `request` holds the client's own tools, if it has any.
  init(
    request: EngineRequest, references: [ToolProviderReference], options: ServedToolOptions, support: ToolSupport,
    clock: any RuntimeClock, generate: @escaping Generate
  ) {
    self.generate = generate
    self.request = request
    self.references = references
    self.options = options
    self.support = support
    self.clock = clock
    begun = clock.now
    var limits = support.limits
    limits.calls = min(limits.calls, options.maxCalls ?? limits.calls)
    loop = ToolLoop(
      menu: ToolMenu([]), limits: limits, maxOutputTokens: request.maxOutputTokens,
      clientTools: Set(request.tools.map(\.name)))
  }

  nonisolated var events: AsyncStream<GenerationEvent> { AsyncStream { await self.next() } }

  private func next() async -> GenerationEvent? {
    while true {
      if !ready.isEmpty { return ready.removeFirst() }
      if Task.isCancelled { end() }
      switch stage {
      case .ended: return nil
      case .connecting: await connect()
      case .starting(let round): await start(round)
      // The iterators are handles on a shared stream: a copy of one reads on where the other stopped.
      case .generating(var events):
        guard let event = await events.next(isolation: self) else {
          end()
          return nil
        }
        take(event, events)
      case .calling(let order, let events):
        let outcome = await providers[order.provider].call(order.tool, arguments: order.arguments, limit: order.limit)
        if Task.isCancelled { continue }
        ready += loop.complete(outcome)
        stage = .generating(events)
      }
    }
  }

  private func take(_ event: GenerationEvent, _ events: AsyncStream<GenerationEvent>.Iterator) {
    let (shown, step) = loop.add(event, elapsed: clock.now - begun)
    ready += shown
    switch step {
    case .proceed: break
    case .call(let order): stage = .calling(order, events)
    case .round(let round): stage = .starting(round)
    case .end: end()
    }
  }

  // MARK: Stages

  private func connect() async {
    do throws(Unreachable) {
      providers = try await Self.connect(references, support.source)
      let offers = try await offers()
      loop.replace(menu(offers))
      if options.listsTools {
        ready += loop.list(offers.map { ToolListing(provider: $0.info, tools: $0.tools) })
      }
      stage = .starting(ToolLoop.Round(mayCall: true, maxOutputTokens: request.maxOutputTokens))
    } catch {
      if options.listsTools {
        ready += loop.list([ToolListing(provider: error.provider, failure: error.reason.message)])
      }
      fail(error.reason)
    }
  }

  private func start(_ round: ToolLoop.Round) async {
    // A list that cannot be fetched now stays as it was: the next call will say what is wrong.
    if !isFirstRound, let offers = try? await offers() { loop.replace(menu(offers)) }
    var next = request
    next.tools += loop.menu.definitions
    next.maxOutputTokens = round.maxOutputTokens
    do throws(AtelierError) {
      if !round.mayCall {
        next.toolChoice = .none
      } else if isFirstRound {
        try choose(&next)
      } else if request.toolChoice != .none {
        // A call that was demanded has been made.
        next.toolChoice = .auto
      }
      isFirstRound = false
      if case .chat(let messages) = request.input {
        let (items, rounds) = loop.output
        next.input = .chat(messages + HistoryRenderer.messages(items, rounds: rounds))
      }
      stage = .generating(try await generate(next).makeAsyncIterator())
    } catch { fail(error) }
  }

  /// Demands a call of the server that the request chose.
  private func choose(_ next: inout EngineRequest) throws(AtelierError) {
    guard let choice = options.choice else { return }
    let names = loop.menu.names(of: choice.provider, tool: choice.tool)
    guard !names.isEmpty else {
      throw AtelierError(
        .invalidValue, "'tool_choice' names a tool that the server does not offer in this request",
        param: "tool_choice")
    }
    if names.count == 1, let name = names.first {
      next.toolChoice = .named(name)
    } else {
      next.tools.removeAll { !names.contains($0.name) }
      next.toolChoice = .required
    }
  }

  private func menu(_ offers: [ToolMenu.Offer]) -> ToolMenu {
    ToolMenu(offers, taken: Set(request.tools.map(\.name)), separator: options.separator)
  }

  private func offers() async throws(Unreachable) -> [ToolMenu.Offer] {
    var offers: [ToolMenu.Offer] = []
    for provider in providers {
      do throws(AtelierError) {
        offers.append(ToolMenu.Offer(label: provider.label, info: provider.info, tools: try await provider.tools()))
      } catch { throw Unreachable(provider: provider.info, reason: error) }
    }
    return offers
  }

  /// Which server cannot be used, and why.
  private struct Unreachable: Error {
    var provider: ToolProviderInfo
    var reason: AtelierError
  }

  private func fail(_ error: AtelierError) {
    ready += loop.fail(error)
    end()
  }

  private func end() {
    stage = .ended
    let providers = providers
    self.providers = []
    // Giving sessions back takes its time, and the answer need not wait for it.
    if !providers.isEmpty { Task { for provider in providers { await provider.close() } } }
  }

  /// All at the same time, in the order named. One that fails ends the others.
  private static func connect(
    _ references: [ToolProviderReference], _ source: any ToolProviderSource
  ) async throws(Unreachable) -> [any ToolProvider] {
    typealias Connection = (place: Int, result: Result<any ToolProvider, Unreachable>)
    let results = await withTaskGroup(of: Connection.self) { group in
      for (place, reference) in references.enumerated() {
        group.addTask {
          do throws(AtelierError) { return (place, .success(try await source.connect(reference))) } catch {
            return (place, .failure(Unreachable(provider: reference.info, reason: error)))
          }
        }
      }
      var results: [Connection] = []
      for await connection in group {
        results.append(connection)
        if case .failure = connection.result { group.cancelAll() }
      }
      return results
    }
    // The first that failed in time: those after it may have been cancelled because of it.
    for case .failure(let error) in results.map(\.result) {
      for case .success(let provider) in results.map(\.result) { await provider.close() }
      throw error
    }
    return try results.sorted { $0.place < $1.place }.map { connection throws(Unreachable) in
      try connection.result.get()
    }
  }
}
