import AtelierCore
import AtelierTesting
import AtelierWorkerProtocol
import Logging
import Synchronization
import Testing

@testable import AtelierRuntime

struct WorkerEngineTests {
  private static let request = EngineRequest(input: .text("Hi"))
  private static let load = EngineLoad(
    kind: .llm, files: ["/nowhere"], projector: nil, configuration: LoadConfiguration(contextLength: 64))

  private func connect(
    timing: WorkerTiming = WorkerTiming(), greeting: WorkerReport = .hello(version: WorkerProtocol.version),
    _ script: @escaping FakeWorker.Script
  ) throws -> (WorkerConnection, FakeWorker) {
    let ends = try SocketPair.make()
    let worker = FakeWorker(descriptor: ends.1, greeting: greeting, script: script)
    let connection = WorkerConnection(
      channel: FrameChannel(descriptor: ends.0, side: .server), peer: worker, timing: timing,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    return (connection, worker)
  }

  private func engine(
    timing: WorkerTiming = WorkerTiming(), _ predict: @escaping @Sendable (UInt64, FakeWorker) -> Void
  ) async throws -> (WorkerEngine, FakeWorker) {
    let (connection, worker) = try connect(timing: timing, FakeWorker.serving(predict))
    let properties = try await connection.load(Self.load) { _ in }
    return (WorkerEngine(connection: connection, properties: properties), worker)
  }

  @Test func anAnswerCrossesTheSocketUnchanged() async throws {
    let script = ScriptedEngine.saying("Hello!")
    let (engine, _) = try await engine { id, worker in
      worker.report(.accepted(id: id))
      worker.events(id, script)
    }
    #expect(engine.properties == FakeWorker.properties)
    let events = await RuntimeFixture.collect(try await engine.generate(Self.request, trace: GenerationTrace()))
    #expect(events == script)
    #expect(try await engine.countTokens(Self.request) == 11)
    #expect(try await engine.embed(EmbeddingRequest(inputs: [.text("x")])).vectors == [[0, 1]])
    await engine.shutdown()
    #expect(await engine.waitUntilGone())
    #expect(await code { try await engine.generate(Self.request, trace: GenerationTrace()) } == .engineDied)
  }

  @Test func aRefusalIsThrown() async throws {
    let (engine, _) = try await engine { id, worker in
      worker.report(.rejected(id: id, AtelierError(.contextLengthExceeded, "Too long.")))
    }
    #expect(await code { try await engine.generate(Self.request, trace: GenerationTrace()) } == .contextLengthExceeded)
    await engine.shutdown()
  }

  @Test func aRequestThatWaitsTooLongForItsTurnIsRefused() async throws {
    let timing = WorkerTiming(pingInterval: .milliseconds(5), queue: .milliseconds(30))
    let (engine, worker) = try await engine(timing: timing) { id, worker in worker.report(.accepted(id: id)) }
    let events = await RuntimeFixture.collect(try await engine.generate(Self.request, trace: GenerationTrace()))
    #expect(events.failure?.code == .serverBusy)
    #expect(events.failure?.retryAfter == 10)
    #expect(EventContract.violations(in: events) == [])
    await eventually("the worker is told") {
      worker.commands.contains { if case .cancel = $0 { true } else { false } }
    }
    await engine.shutdown()
  }

  @Test func aDeathInMidStreamLeavesTheAnswerOpenAndItsTraceComplete() async throws {
    let (engine, _) = try await engine { id, worker in
      worker.report(.accepted(id: id))
      worker.events(id, [.promptStarted, .promptFinished(PromptUsage(tokens: 5, cachedTokens: 2))])
      worker.step(id, tokens: [7], draws: 1, [.reasoningStarted, .reasoningDelta("hm")])
      worker.step(id, tokens: [8], draws: 3, [])
      worker.step(id, tokens: [9], draws: 4, [.reasoningFinished, .messageStarted, .messageDelta("Hel", [])])
      worker.channel.close()
    }
    let trace = GenerationTrace()
    let events = await RuntimeFixture.collect(try await engine.generate(Self.request, trace: trace))
    #expect(events.last == .messageDelta("Hel", []))
    #expect(trace.soFar == AnswerSoFar(tokens: [7, 8, 9], draws: 4))
    #expect(trace.deaths == [EngineDeath(tokens: 3, wasAlone: true)])
    let ending = trace.withRecord { $0.end(AtelierError(.engineDied, "Gone."), .failed) }
    #expect(EventContract.violations(in: events + ending) == [])
    #expect(ending.result?.output == [.reasoning("hm"), .message("Hel")])
    #expect(ending.result?.usage == GenerationUsage(inputTokens: 5, cachedTokens: 2, outputTokens: 3))
    #expect(await engine.waitUntilGone() == false)
  }

  @Test func aWorkerThatReportsMoreTokensThanFitIsKilled() async throws {
    let most = FakeWorker.properties.contextLength + 1024
    let (engine, _) = try await engine { id, worker in
      worker.report(.accepted(id: id))
      worker.step(id, tokens: Array(repeating: 7, count: most), [.promptStarted])
      worker.step(id, tokens: [7], [])
    }
    let trace = GenerationTrace()
    _ = await RuntimeFixture.collect(try await engine.generate(Self.request, trace: trace))
    #expect(await engine.waitUntilGone() == false)
    #expect(trace.soFar?.tokens.count == most)
  }

  /// A context that the worker only claims to have does not count.
  @Test func theContextIsWhatWasAskedFor() async throws {
    let (connection, _) = try connect { command, worker in
      switch command {
      case .load:
        var properties = FakeWorker.properties
        properties.contextLength = .max
        worker.report(.loaded(properties))
      case .predict(let id, _):
        worker.report(.accepted(id: id))
        worker.step(id, tokens: Array(repeating: 7, count: 64 + 1025), [.promptStarted])
        worker.channel.close()
      default: break
      }
    }
    _ = try await connection.load(Self.load) { _ in }
    let trace = GenerationTrace()
    _ = await RuntimeFixture.collect(try await connection.generate(Self.request, trace: trace))
    #expect(trace.soFar == nil && trace.deaths.count == 1)
    #expect(await connection.waitUntilGone() == false)
  }

  @Test(arguments: [
    GenerationEvent.messageDelta(String(repeating: "x", count: 1000), []),
    .toolCallStarted(ToolCallHead(id: String(repeating: "x", count: 1000), name: "f")), .reasoningFinished,
  ])
  func aWorkerThatSaysMoreThanItsTokensCanBeIsKilled(event: GenerationEvent) async throws {
    let (engine, _) = try await engine { id, worker in
      worker.report(.accepted(id: id))
      worker.step(id, tokens: [7], [.promptStarted, .promptFinished(PromptUsage(tokens: 1, cachedTokens: 0))])
      for _ in 0..<2000 { worker.events(id, [event]) }
    }
    let trace = GenerationTrace()
    let events = await RuntimeFixture.collect(try await engine.generate(Self.request, trace: trace))
    #expect(await engine.waitUntilGone() == false)
    #expect(trace.deaths.count == 1)
    #expect(events.reduce(0) { $0 + $1.textBytes } < 65 << 10)
    #expect(events.count < 1100)
  }

  /// What indexes the answer by the request must be able to rely on it.
  @Test(arguments: [
    WorkerReport.reranked(id: 1, RerankResult(scores: [1], promptTokens: 1)),
    .embedded(id: 1, EmbeddingResult(vectors: [[0, 1], [0, 1]], promptTokens: 1)), .counted(id: 1, tokens: 1),
  ])
  func aWorkerWhoseAnswerDoesNotFitIsKilled(_ answer: WorkerReport) async throws {
    let (connection, _) = try connect { command, worker in
      switch command {
      case .load: worker.report(.loaded(FakeWorker.properties))
      case .rerank: worker.report(answer)
      default: break
      }
    }
    _ = try await connection.load(Self.load) { _ in }
    let request = RerankRequest(query: "q", documents: ["a", "b"])
    #expect(await code { try await connection.rerank(request) } == .engineDied)
    #expect(await connection.waitUntilGone() == false)
  }

  @Test func vectorsOfAnotherNumberAreNoAnswer() async throws {
    let (connection, _) = try connect { command, worker in
      switch command {
      case .load: worker.report(.loaded(FakeWorker.properties))
      case .embed(let id, _):
        worker.report(.embedded(id: id, EmbeddingResult(vectors: [[0, 1]], promptTokens: 1)))
      default: break
      }
    }
    _ = try await connection.load(Self.load) { _ in }
    let request = EmbeddingRequest(inputs: [.text("a"), .text("b")])
    #expect(await code { try await connection.embed(request) } == .engineDied)
    #expect(await connection.waitUntilGone() == false)
  }

  @Test func aDeathWhileWaitingIsThrown() async throws {
    let (engine, _) = try await engine { _, worker in worker.channel.close() }
    #expect(await code { try await engine.generate(Self.request, trace: GenerationTrace()) } == .engineDied)
  }

  @Test func unloadingEndsStreamsWithModelUnloaded() async throws {
    let (engine, worker) = try await engine { id, worker in
      worker.report(.accepted(id: id))
      worker.events(id, [.promptStarted])
    }
    let stream = try await engine.generate(Self.request, trace: GenerationTrace())
    await engine.shutdown()
    await engine.shutdown()
    let events = await RuntimeFixture.collect(stream)
    #expect(EventContract.violations(in: events) == [])
    #expect(events.failure?.code == .modelUnloaded)
    #expect(events.result?.finishReason == .modelUnloaded)
    #expect(worker.commands.last == .shutdown)
  }

  @Test(arguments: [true, false])
  func aConsumerThatLeavesCancels(byCancelling: Bool) async throws {
    let (engine, worker) = try await engine { id, worker in
      worker.report(.accepted(id: id))
      worker.events(id, [.promptStarted])
    }
    if byCancelling {
      let started = Mutex(false)
      let task = Task {
        for await _ in try await engine.generate(Self.request, trace: GenerationTrace()) {
          started.withLock { $0 = true }
        }
      }
      await eventually("started") { started.withLock { $0 } }
      task.cancel()
      try await task.value
    } else {
      for await _ in try await engine.generate(Self.request, trace: GenerationTrace()) { break }
    }
    await eventually("the worker was told") { worker.commands.contains(.cancel(id: 1)) }
    await engine.shutdown()
  }

  @Test func aConsumerThatDoesNotReadCannotFillTheMemory() async throws {
    let piece = String(repeating: "x", count: 1000)
    let (engine, worker) = try await engine { id, worker in
      worker.report(.accepted(id: id))
      worker.events(id, [.promptStarted, .promptFinished(PromptUsage(tokens: 1, cachedTokens: 0)), .messageStarted])
      for _ in 0..<1000 { worker.step(id, tokens: [7], [.messageDelta(piece, [])]) }
    }
    let stream = try await engine.generate(Self.request, trace: GenerationTrace())
    await eventually("cut off") { worker.commands.contains(.cancel(id: 1)) }
    let events = await RuntimeFixture.collect(stream)
    #expect(EventContract.violations(in: events) == [])
    #expect(events.failure?.code == .cancelled)
    #expect(events.count < 10)
    #expect((200_000..<300_000).contains(events.result?.text.utf8.count ?? 0))
    await engine.shutdown()
  }

  /// Also events without any text wait somewhere.
  @Test func waitingEventsAreBounded() {
    let buffer = EventBuffer(byteLimit: 1000)
    for number in 1...15 { #expect(buffer.push(number % 2 == 0 ? .reasoningStarted : .reasoningFinished)) }
    #expect(!buffer.push(.reasoningStarted))
  }

  @Test func whatWasReadMakesRoom() async {
    let buffer = EventBuffer(byteLimit: 1000)
    for _ in 0..<100 {
      for _ in 0..<8 { #expect(buffer.push(.messageDelta(String(repeating: "x", count: 100), []))) }
      #expect(await buffer.next() == .messageDelta(String(repeating: "x", count: 800), []))
    }
  }

  @Test func loadsThatCannotSucceedEnd() async throws {
    let (wrongVersion, _) = try connect(greeting: .hello(version: 999)) { _, _ in }
    #expect(await code { try await wrongVersion.load(Self.load) { _ in } } == .modelLoadFailed)

    let (failing, _) = try connect { command, worker in
      if case .load = command { worker.report(.loadFailed(AtelierError(.insufficientMemory, "No room."))) }
    }
    #expect(await code { try await failing.load(Self.load) { _ in } } == .insufficientMemory)

    let (dying, _) = try connect { _, worker in worker.channel.close() }
    #expect(await code { try await dying.load(Self.load) { _ in } } == .modelLoadFailed)

    let quick = WorkerTiming(start: .milliseconds(1), load: .milliseconds(1), pingInterval: .milliseconds(5))
    let (hanging, _) = try connect(timing: quick) { _, _ in }
    #expect(await code { try await hanging.load(Self.load) { _ in } } == .modelLoadFailed)
    #expect(await hanging.waitUntilGone() == false)
  }

  /// Progress buys time, up to the limit of the whole load; standing still does not, and sleep does not count.
  @Test func aLoadWithoutProgressIsGivenUp() {
    let timing = WorkerTiming(start: .seconds(15), load: .seconds(600), loadStall: .seconds(60))
    var deadline = LoadDeadline(timing: timing, now: .seconds(100))
    #expect(!deadline.isOver(now: .seconds(114)) && deadline.isOver(now: .seconds(115)))
    deadline.progressed(now: .seconds(114))
    #expect(deadline.isOver(now: .seconds(115)))
    deadline.began(now: .seconds(110))
    #expect(!deadline.isOver(now: .seconds(169)) && deadline.isOver(now: .seconds(170)))
    for second in stride(from: 150, through: 680, by: 50) { deadline.progressed(now: .seconds(second)) }
    #expect(!deadline.isOver(now: .seconds(709)) && deadline.isOver(now: .seconds(710)))
    deadline.extend(by: .seconds(40))
    #expect(!deadline.isOver(now: .seconds(749)) && deadline.isOver(now: .seconds(750)))
  }

  @Test func cancellingALoadEndsTheWorker() async throws {
    let (connection, worker) = try connect { _, _ in }
    let task = Task { try await connection.load(Self.load) { _ in } }
    await eventually("loading") { !worker.commands.isEmpty }
    task.cancel()
    #expect(await code { try await task.value } == .cancelled)
    #expect(await connection.waitUntilGone() == false)
  }

  @Test func aSilentWorkerIsKilledOnlyWhileItShouldCompute() async throws {
    let quick = WorkerTiming(pingInterval: .milliseconds(5), silence: .milliseconds(40))
    let (connection, _) = try connect(timing: quick) { command, worker in
      switch command {
      case .load: worker.report(.loaded(FakeWorker.properties))
      case .predict(let id, _): worker.report(.accepted(id: id))
      default: break
      }
    }
    _ = try await connection.load(Self.load) { _ in }
    let trace = GenerationTrace()
    #expect(await RuntimeFixture.collect(try await connection.generate(Self.request, trace: trace)) == [])
    #expect(trace.deaths.count == 1)
    #expect(await connection.waitUntilGone() == false)
  }

  @Test func aWorkerIsNotBlamedForTheTimeItsServerSlept() {
    var monitor = HeartbeatMonitor(timing: WorkerTiming(silence: .seconds(30)), now: .zero)
    var verdicts: [HeartbeatMonitor.Verdict] = []
    var slept = Duration.zero
    for second in [5, 10, 3610, 3615, 3620, 3625, 3630] {
      slept += monitor.slept(now: .seconds(second))
      verdicts.append(monitor.check(isBusy: true, now: .seconds(second)))
    }
    #expect(slept == .seconds(3595))
    #expect(verdicts == [.alive, .alive, .alive, .alive, .alive, .silent, .silent])
  }

  @Test func frozenBusyAndIdleWorkersAreToldApart() {
    let timing = WorkerTiming(silence: .seconds(30), stall: .seconds(300))
    var monitor = HeartbeatMonitor(timing: timing, now: .zero)
    #expect(monitor.check(isBusy: false, now: .seconds(500)) == .alive)
    #expect(monitor.check(isBusy: true, now: .seconds(529)) == .alive)
    #expect(monitor.check(isBusy: true, now: .seconds(530)) == .silent)
    for second in stride(from: 530, to: 1000, by: 5) {
      monitor.heard(WorkerState(running: 1, waiting: 0, steps: UInt64(second)), now: .seconds(second))
      #expect(monitor.check(isBusy: true, now: .seconds(second)) == .alive)
    }
    var verdicts: [HeartbeatMonitor.Verdict] = []
    for second in stride(from: 1000, to: 1400, by: 5) {
      monitor.heard(WorkerState(running: 1, waiting: 0, steps: 7), now: .seconds(second))
      verdicts.append(monitor.check(isBusy: true, now: .seconds(second)))
    }
    #expect(verdicts.first == .alive && verdicts.last == .stalled)
    #expect(verdicts.firstIndex(of: .stalled) == 60)
  }

  @Test func clientsThatLeaveDoNotHideAFrozenEngine() {
    let timing = WorkerTiming(silence: .seconds(30), stall: .seconds(300))
    var monitor = HeartbeatMonitor(timing: timing, now: .zero)
    var verdicts: [HeartbeatMonitor.Verdict] = []
    for second in stride(from: 5, through: 300, by: 5) {
      monitor.heard(WorkerState(running: 1, waiting: 0, steps: 7), now: .seconds(second))
      verdicts.append(monitor.check(isBusy: second % 50 != 0, now: .seconds(second)))
    }
    #expect(!verdicts.contains(.stalled))
    #expect(monitor.check(isBusy: false, now: .seconds(305)) == .stalled)
    #expect(monitor.check(isBusy: false, now: .seconds(330)) == .silent)
    monitor.heard(WorkerState(running: 0, waiting: 0, steps: 7), now: .seconds(335))
    #expect(monitor.check(isBusy: false, now: .seconds(800)) == .alive)
  }
}
