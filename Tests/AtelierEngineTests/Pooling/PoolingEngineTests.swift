import AtelierCore
import AtelierEngine
import AtelierTesting
import Dispatch
import Synchronization
import Testing

/// A `BatchingEngine` that pools.
struct PoolingEngineTests {
  /// What an engine sent, by request; readable from outside its thread.
  private final class Inbox: Sendable {
    private struct State {
      var vectors: [UInt64: [Int: [Float]]] = [:]
      var ends: [UInt64: SequenceEnd] = [:]
      var waiting: [UInt64: CheckedContinuation<SequenceEnd, Never>] = [:]
    }

    private let state = Mutex(State())

    func take(_ output: StepOutput) {
      state.withLock { state in
        for entry in output.entries {
          if case .pooled(let input, let vector) = entry.event { state.vectors[entry.id, default: [:]][input] = vector }
          guard case .finished(let end) = entry.event else { continue }
          state.ends[entry.id] = end
          state.waiting.removeValue(forKey: entry.id)?.resume(returning: end)
        }
      }
    }

    func vectors(_ id: UInt64) -> [Int: [Float]] { state.withLock { $0.vectors[id] ?? [:] } }

    func end(of id: UInt64) async -> SequenceEnd {
      await withCheckedContinuation { continuation in
        let end = state.withLock { state in
          if let end = state.ends[id] { return end as SequenceEnd? }
          state.waiting[id] = continuation
          return nil
        }
        if let end { continuation.resume(returning: end) }
      }
    }
  }

  /// Holds the runner in its calls until told to go on.
  private final class Gate: Sendable {
    private let entered = AsyncStream.makeStream(of: Void.self)
    private let open = DispatchSemaphore(value: 0)

    /// On the engine's thread.
    func pass() {
      entered.continuation.yield()
      open.wait()
    }

    func waitForCall() async {
      var calls = entered.stream.makeAsyncIterator()
      await calls.next()
    }

    func letGo(_ calls: Int = 1) { for _ in 0..<calls { open.signal() } }
  }

  private func engine(_ runner: ScriptedPoolingRunner, _ inbox: Inbox) -> BatchingEngine {
    BatchingEngine(
      makePoolingRunner: { runner }, configuration: EngineConfiguration(), sink: { inbox.take($0) })
  }

  @Test func whatWaitsDuringAStepSharesTheNext() async throws {
    let gate = Gate()
    let runner = ScriptedPoolingRunner()
    runner.beforeCall = { _ throws(RunnerError) in gate.pass() }
    let inbox = Inbox()
    let engine = engine(runner, inbox)
    try await engine.start()
    try await engine.submit(PoolingRequest(id: 1, inputs: [[1, 1]]))
    await gate.waitForCall()
    #expect(engine.state.running == 1, "a step under way counts")
    async let submitted: Void = engine.submitTogether([
      PoolingRequest(id: 2, inputs: [[2], [2, 2]]), PoolingRequest(id: 3, inputs: [[3]]),
    ])
    gate.letGo(2)
    try await submitted
    for id: UInt64 in 1...3 { #expect(await inbox.end(of: id) == .endOfText) }
    #expect(runner.calls == [[[[1, 1]]], [[[3], [2], [2, 2]]]])
    #expect(inbox.vectors(2) == [0: [1, 2], 1: [2, 4]])
    await engine.shutdown()
    #expect(engine.state.steps == 2 && engine.state.running == 0 && engine.state.waiting == 0)
  }

  @Test func cancelsBetweenStepsAndEndsTheRestAtShutdown() async throws {
    let gate = Gate()
    let runner = ScriptedPoolingRunner(inputsPerLane: 1)
    runner.beforeCall = { _ throws(RunnerError) in gate.pass() }
    let inbox = Inbox()
    let engine = engine(runner, inbox)
    try await engine.start()
    try await engine.submitTogether([
      PoolingRequest(id: 1, inputs: Array(repeating: [1], count: 4000)),
      PoolingRequest(id: 2, inputs: Array(repeating: [2], count: 4000)),
    ])
    await gate.waitForCall()
    async let cancelled: Void = engine.cancel(1)
    // The engine is in a call or about to make the next one, and between two of them it can be told.
    for _ in 0..<1000 {
      gate.letGo()
      await gate.waitForCall()
    }
    async let stopped: Void = engine.shutdown()
    gate.letGo(10_000)
    await cancelled
    #expect(await inbox.end(of: 1) == .cancelled)
    #expect(await inbox.end(of: 2) == .cancelled)
    await stopped
    #expect(inbox.vectors(1).count < 1000)
    await #expect(throws: AtelierError.self) { try await engine.submit(PoolingRequest(id: 3, inputs: [[1]])) }
  }

  @Test func eachKindTakesItsOwnRequestsOnly() async throws {
    let pooling = engine(ScriptedPoolingRunner(), Inbox())
    try await pooling.start()
    await #expect(throws: AtelierError.self) { try await pooling.submit(SchedulerDriver.request(1, [1, 2])) }
    let generating = BatchingEngine(
      makeRunner: { ScriptedRunner() }, configuration: EngineConfiguration(), sink: { _ in })
    try await generating.start()
    await #expect(throws: AtelierError.self) { try await generating.submit(PoolingRequest(id: 1, inputs: [[1]])) }
    await pooling.shutdown()
    await generating.shutdown()
  }
}

extension BatchingEngine {
  /// In one turn, so that no step comes between.
  fileprivate func submitTogether(_ requests: [PoolingRequest]) throws(AtelierError) {
    for request in requests { try submit(request) }
  }
}
