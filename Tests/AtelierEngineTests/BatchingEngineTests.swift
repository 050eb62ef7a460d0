import AtelierCore
import AtelierEngine
import AtelierTesting
import Foundation
import Synchronization
import Testing

struct BatchingEngineTests {
  /// What an engine sent, by request; readable from outside its thread.
  private final class Inbox: Sendable {
    private struct State {
      var tokens: [UInt64: [Int32]] = [:]
      var draws: [UInt64: [Int]] = [:]
      var prompts: [UInt64: [(processed: Int, total: Int)]] = [:]
      var probabilities: [UInt64: [TokenProbability]] = [:]
      var scores: [UInt64: [TokenProbability]] = [:]
      var ends: [UInt64: SequenceEnd] = [:]
      var waiting: [UInt64: CheckedContinuation<SequenceEnd, Never>] = [:]
      var outputs = 0
    }

    private let state = Mutex(State())

    func take(_ output: StepOutput) {
      state.withLock { state in
        state.outputs += 1
        for entry in output.entries {
          switch entry.event {
          case .prompt(let processed, _, let total):
            state.prompts[entry.id, default: []].append((processed, total))
          case .scored(let scores): state.scores[entry.id, default: []] += scores
          case .pooled: break
          case .token(let token, let probability, let draws):
            state.draws[entry.id, default: []].append(draws)
            state.tokens[entry.id, default: []].append(token)
            if let probability { state.probabilities[entry.id, default: []].append(probability) }
          case .finished(let end):
            state.ends[entry.id] = end
            state.waiting.removeValue(forKey: entry.id)?.resume(returning: end)
          }
        }
      }
    }

    func tokens(_ id: UInt64) -> [Int32] { state.withLock { $0.tokens[id] ?? [] } }
    func probabilities(_ id: UInt64) -> [TokenProbability] { state.withLock { $0.probabilities[id] ?? [] } }
    /// Of the prompt's tokens.
    func scores(_ id: UInt64) -> [TokenProbability] { state.withLock { $0.scores[id] ?? [] } }
    /// After each token.
    func draws(_ id: UInt64) -> [Int] { state.withLock { $0.draws[id] ?? [] } }
    func prompt(_ id: UInt64) -> [(processed: Int, total: Int)] { state.withLock { $0.prompts[id] ?? [] } }
    func end(_ id: UInt64) -> SequenceEnd? { state.withLock { $0.ends[id] } }
    var outputs: Int { state.withLock { $0.outputs } }

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

  private func withEngine(
    _ configuration: EngineConfiguration = EngineConfiguration(),
    runner: @escaping @Sendable () throws -> ScriptedRunner = {
      let runner = ScriptedRunner(cellCount: 4096, maxBatchRows: 64, maxSequences: 16)
      runner.endPenalty = 1000
      return runner
    },
    _ body: (BatchingEngine, Inbox) async throws -> Void
  ) async throws {
    let inbox = Inbox()
    let engine = BatchingEngine(makeRunner: runner, configuration: configuration, sink: { inbox.take($0) })
    try await engine.start()
    do {
      try await body(engine, inbox)
    } catch {
      await engine.shutdown()
      throw error
    }
    await engine.shutdown()
  }

  @Test func parallelRequestsGetTheTokensTheyGetAlone() async throws {
    var alone: [UInt64: [Int32]] = [:]
    for id: UInt64 in 1...8 {
      try await withEngine { engine, inbox in
        try await engine.submit(
          SchedulerDriver.request(id, TokenText.random(20, seed: id), maxTokens: 30, temperature: 0.9))
        _ = await inbox.end(of: id)
        alone[id] = inbox.tokens(id)
      }
    }
    try await withEngine { engine, inbox in
      for id: UInt64 in 1...8 {
        try await engine.submit(
          SchedulerDriver.request(id, TokenText.random(20, seed: id), maxTokens: 30, temperature: 0.9))
      }
      for id: UInt64 in 1...8 {
        #expect(await inbox.end(of: id) == .maxTokens)
        #expect(inbox.tokens(id) == alone[id])
      }
      #expect(inbox.outputs < 8 * 30, "one output per step, not per token")
    }
  }

  /// Another engine that is told what the first one generated and how many random numbers it drew gives the rest.
  @Test(arguments: [0, 0.9], [1, 7, 29])
  func anAnswerGoesOnInAnotherEngine(temperature: Double, place: Int) async throws {
    let prompt = TokenText.random(90, seed: 4)
    var request = SchedulerDriver.request(1, prompt, maxTokens: 30, temperature: temperature)
    request.sampling.repeatPenalty = 1.3
    request.sampling.seed = 11
    let whole = Mutex<[Int32]>([])
    let draws = Mutex<[Int]>([])
    try await withEngine { engine, inbox in
      try await engine.submit(request)
      _ = await inbox.end(of: 1)
      whole.withLock { $0 = inbox.tokens(1) }
      draws.withLock { $0 = inbox.draws(1) }
    }
    let tokens = whole.withLock { $0 }
    try #require(tokens.count == 30)
    request.generated = Array(tokens.prefix(place))
    request.draws = draws.withLock { $0[place - 1] }
    #expect(request.draws == (temperature == 0 ? 0 : place))
    // A neighbour with the same prompt, so that its rows and the answer so far meet in one step.
    let neighbour = SchedulerDriver.request(2, prompt, maxTokens: 30, temperature: 0.5)
    try await withEngine { engine, inbox in
      try await engine.submit(neighbour)
      try await engine.submit(request)
      #expect(await inbox.end(of: 1) == .maxTokens)
      #expect(request.generated + inbox.tokens(1) == tokens)
      #expect(inbox.prompt(1).map(\.total) == Array(repeating: prompt.count, count: inbox.prompt(1).count))
      #expect(inbox.prompt(1).last?.processed == prompt.count)
      #expect(await inbox.end(of: 2) == .maxTokens)
    }
  }

  /// As in the first engine, one row a step: rows computed together are rounded in another way.
  @Test func whatAnotherEngineGeneratedIsReadTokenByToken() async throws {
    let runner = Mutex<[Int]>([])
    let inbox = Inbox()
    let engine = BatchingEngine(
      makeRunner: {
        let scripted = ScriptedRunner(cellCount: 4096, maxBatchRows: 64, maxSequences: 16)
        scripted.endPenalty = 1000
        scripted.adjustLogits = { [weak scripted] _, _ in
          if let scripted { runner.withLock { $0 = scripted.batchSizes } }
        }
        return scripted
      }, configuration: EngineConfiguration(), sink: { inbox.take($0) })
    try await engine.start()
    var request = SchedulerDriver.request(1, TokenText.random(20, seed: 5), maxTokens: 12)
    request.generated = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    try await engine.submit(request)
    #expect(await inbox.end(of: 1) == .maxTokens)
    #expect(inbox.tokens(1).count == 2)
    #expect(runner.withLock { $0.prefix(11) } == [20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    await engine.shutdown()
  }

  @Test func aPromptAskedAgainNeedsNoStepForItsFirstToken() async throws {
    let prompt = TokenText.random(20, seed: 3)
    try await withEngine { engine, inbox in
      try await engine.submit(SchedulerDriver.request(1, prompt, maxTokens: 12))
      _ = await inbox.end(of: 1)
      let steps = engine.state.steps
      try await engine.submit(SchedulerDriver.request(2, prompt, maxTokens: 1))
      #expect(inbox.end(2) == .maxTokens)
      #expect(engine.state.steps == steps)
      try await engine.submit(SchedulerDriver.request(3, prompt, maxTokens: 12))
      #expect(inbox.tokens(3).count >= 1)
      #expect(await inbox.end(of: 3) == .maxTokens)
      #expect(inbox.tokens(2) == Array(inbox.tokens(1).prefix(1)))
      #expect(inbox.tokens(3) == inbox.tokens(1))
      #expect(engine.state.running == 0)
    }
  }

  /// What a runner says of the prompt's tokens, whatever else it computes, holds already or has to give up meanwhile.
  @Test(arguments: [true, false], [400, 130])
  func promptsAreScored(cutsAnywhere: Bool, cells: Int) async throws {
    let prompt = TokenText.random(50, seed: 8)
    let reference = ScriptedRunner()
    let expected = (1..<prompt.count).map { place in
      let logits = reference.logits(after: Array(prompt[..<place])).map(Double.init)
      let normalizer = log(logits.reduce(0) { $0 + exp($1) })
      let best = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }.prefix(2)
      return (logprob: logits[Int(prompt[place])] - normalizer, top: best.map(Int32.init))
    }
    try await withEngine {
      let runner = ScriptedRunner(
        cellCount: cells, maxBatchRows: 64, maxSequences: 6,
        prefixReuse: cutsAnywhere ? .anyPrefix : .checkpoints(CheckpointLimits(bytes: 1000, spacing: 16, worth: 4)))
      runner.endPenalty = 4
      return runner
    } _: { engine, inbox in
      try await engine.submit(SchedulerDriver.request(1, prompt, maxTokens: 1))
      _ = await inbox.end(of: 1)
      for id: UInt64 in 2...4 {
        var request = SchedulerDriver.request(id, prompt, maxTokens: id == 2 ? 0 : 3, cacheable: id != 3)
        request.scoresPrompt = id != 4
        request.topLogprobs = 2
        try await engine.submit(request)
      }
      for id: UInt64 in 2...4 { _ = await inbox.end(of: id) }
      #expect(inbox.scores(1).isEmpty && inbox.scores(4).isEmpty && inbox.tokens(2).isEmpty)
      #expect(inbox.tokens(3) == inbox.tokens(4))
      for id: UInt64 in 2...3 {
        try #require(inbox.scores(id).count == expected.count)
        for (score, (logprob, top)) in zip(inbox.scores(id), expected) {
          #expect(abs(Double(score.logprob) - logprob) < 1e-4)
          #expect(score.top.map(\.token) == top)
        }
      }
    }
  }

  @Test func cancelsBetweenSteps() async throws {
    try await withEngine { engine, inbox in
      try await engine.submit(SchedulerDriver.request(1, [1, 2, 3], maxTokens: nil))
      try await engine.submit(SchedulerDriver.request(2, [4, 5, 6], maxTokens: 5))
      await engine.cancel(1)
      await engine.cancel(77)
      #expect(await inbox.end(of: 1) == .cancelled)
      #expect(await inbox.end(of: 2) == .maxTokens)
      let state = engine.state
      #expect(state.running == 0)
      #expect(state.waiting == 0)
      #expect(state.cellCount == 4096)
    }
  }

  @Test func endsWhoWaitsTooLong() async throws {
    try await withEngine(EngineConfiguration(parallel: 1, maxWaitingSeconds: 0)) { engine, inbox in
      try await engine.submit(SchedulerDriver.request(1, [1, 2, 3], maxTokens: 3))
      #expect(await inbox.end(of: 1) == .waitedTooLong)
    }
  }

  /// Submissions and cancellations from several sides while it computes: everyone gets one end, and nothing stays behind.
  @Test(arguments: 0..<4)
  func anyHistoryLeavesItIdle(seed: UInt64) async throws {
    let makeRunner: @Sendable () -> ScriptedRunner = {
      ScriptedRunner(
        cellCount: 120, maxBatchRows: 16, maxSequences: 6,
        prefixReuse: seed % 2 == 0 ? .anyPrefix : .checkpoints(CheckpointLimits(bytes: 1000, spacing: 16, worth: 4)))
    }
    let configuration = EngineConfiguration(parallel: 3, maxWaiting: 5, promptTokensPerStep: 8)
    try await withEngine(configuration, runner: makeRunner) { engine, inbox in
      let accepted = await withTaskGroup(of: [UInt64].self) { group in
        for task in 0..<3 {
          group.addTask {
            var random = SeededGenerator(seed: seed * 10 + UInt64(task))
            var accepted: [UInt64] = []
            for number in 0..<80 {
              let id = UInt64(task * 1000 + number)
              let request = SchedulerDriver.request(
                id, TokenText.random(Int.random(in: 1...40, using: &random), seed: id % 5),
                maxTokens: Int.random(in: 0...40, using: &random), client: UInt64(task))
              if (try? await engine.submit(request)) != nil { accepted.append(id) }
              if Bool.random(using: &random), let victim = accepted.randomElement(using: &random) {
                await engine.cancel(victim)
              }
              let state = engine.state
              #expect(state.running <= 3)
              #expect(state.running + state.waiting <= 8)
              #expect(state.usedCells <= state.cellCount)
            }
            return accepted
          }
        }
        return await group.reduce(into: []) { $0 += $1 }
      }
      #expect(accepted.count > 20)
      for id in accepted { _ = await inbox.end(of: id) }
      await engine.cancel(.max)
      #expect(engine.state.running == 0)
      #expect(engine.state.waiting == 0)
    }
  }

  @Test func refusesMoreThanMayWait() async throws {
    try await withEngine(EngineConfiguration(parallel: 1, maxWaiting: 0)) { engine, inbox in
      try await engine.submit(SchedulerDriver.request(1, [1, 2, 3], maxTokens: nil))
      do throws(AtelierError) {
        try await engine.submit(SchedulerDriver.request(2, [1, 2, 3]))
        Issue.record("took more than may wait")
      } catch {
        #expect(error.code == .serverBusy)
        #expect(error.retryAfter != nil)
      }
      await engine.cancel(1)
      #expect(await inbox.end(of: 1) == .cancelled)
      try await engine.submit(SchedulerDriver.request(2, [1, 2, 3]))
      _ = await inbox.end(of: 2)
    }
  }

  @Test func obeysAGrammarAndRefusesABadOne() async throws {
    let makeRunner: @Sendable () -> ScriptedRunner = {
      let runner = ScriptedRunner()
      runner.endPenalty = 1000
      runner.makeScriptedConstraint = { _ in SetConstraint(allowed: [3, 5, 7]) }
      return runner
    }
    try await withEngine(runner: makeRunner) { engine, inbox in
      var request = SchedulerDriver.request(1, [1, 2], maxTokens: 20)
      request.grammar = GrammarConstraint(grammar: "root ::= x")
      try await engine.submit(request)
      #expect(await inbox.end(of: 1) == .maxTokens)
      #expect(inbox.tokens(1).count == 20)
      #expect(inbox.tokens(1).allSatisfy { [3, 5, 7].contains($0) })
    }
    try await withEngine { engine, inbox in
      var request = SchedulerDriver.request(1, [1, 2])
      request.grammar = GrammarConstraint(grammar: "root ::=")
      do throws(AtelierError) {
        try await engine.submit(request)
        Issue.record("took a grammar that does not compile")
      } catch {
        #expect(error.code == .invalidJSONSchema)
      }
      #expect(engine.state.waiting == 0)
      #expect(inbox.end(1) == nil)
    }
  }

  /// Allows other tokens after every token: what a grammar is, as far as an engine sees it.
  private final class WindingConstraint: TokenConstraint {
    private var state: Int32 = 0

    func allows(_ token: Int32) -> Bool { (token + state) % 3 != 0 }

    func mask(_ logits: UnsafeMutableBufferPointer<Float>) {
      for token in logits.indices where !allows(Int32(token)) { logits[token] = -.infinity }
    }

    func accept(_ token: Int32) { state = (state * 7 + token) % 1009 }
  }

  /// Nothing of the grammar's, the penalties' or the log probabilities' state is lost or counted twice.
  @Test(arguments: [true, false])
  func whatGaveWayGoesOnAsIfItHadNot(cutsAnywhere: Bool) async throws {
    func makeRunner(_ cells: Int) -> @Sendable () -> ScriptedRunner {
      {
        let runner = ScriptedRunner(
          cellCount: cells, maxSequences: 8,
          prefixReuse: cutsAnywhere
            ? .anyPrefix : .checkpoints(CheckpointLimits(bytes: 1000, spacing: 16, worth: 4)))
        runner.endPenalty = 1000
        runner.makeScriptedConstraint = { _ in WindingConstraint() }
        return runner
      }
    }
    let requests = (1...3).map { id in
      var request = SchedulerDriver.request(
        UInt64(id), TokenText.random(12, seed: UInt64(id)), maxTokens: 60, temperature: 0.9)
      request.grammar = GrammarConstraint(grammar: "root ::= x")
      request.sampling.repeatPenalty = 1.3
      request.sampling.frequencyPenalty = 0.3
      request.sampling.presencePenalty = 0.2
      request.topLogprobs = 3
      return request
    }
    var alone: [UInt64: ([Int32], [TokenProbability])] = [:]
    for request in requests {
      try await withEngine(runner: makeRunner(400)) { engine, inbox in
        try await engine.submit(request)
        #expect(await inbox.end(of: request.id) == .maxTokens)
        alone[request.id] = (inbox.tokens(request.id), inbox.probabilities(request.id))
      }
    }
    let expected = alone
    try await withEngine(runner: makeRunner(110)) { engine, inbox in
      for request in requests { try await engine.submit(request) }
      for request in requests {
        #expect(await inbox.end(of: request.id) == .maxTokens)
        #expect(inbox.tokens(request.id) == expected[request.id]?.0)
        #expect(inbox.probabilities(request.id) == expected[request.id]?.1)
      }
      #expect(inbox.outputs > 3 * 60 / 2, "three never fit together")
    }
  }

  @Test func aFailedStepEndsOnlyItsRequests() async throws {
    let makeRunner: @Sendable () -> ScriptedRunner = {
      let runner = ScriptedRunner()
      runner.nextError = .failed("broken")
      return runner
    }
    try await withEngine(runner: makeRunner) { engine, inbox in
      try await engine.submit(SchedulerDriver.request(1, [1, 2]))
      #expect(await inbox.end(of: 1) == .failed("broken"))
      try await engine.submit(SchedulerDriver.request(2, [1, 2]))
      #expect(await inbox.end(of: 2) != .failed("broken"))
    }
  }

  @Test func shutdownEndsEverythingAndFreesTheRunner() async throws {
    final class Tracked: Sendable {
      let released = Mutex(false)
    }
    let tracked = Tracked()
    let inbox = Inbox()
    let engine = BatchingEngine(
      makeRunner: {
        let runner = ScriptedRunner()
        runner.endPenalty = 1000
        runner.adjustLogits = { [token = ReleaseToken { tracked.released.withLock { $0 = true } }] _, _ in
          withExtendedLifetime(token) {}
        }
        return runner
      }, configuration: EngineConfiguration(parallel: 1), sink: { inbox.take($0) })
    try await engine.start()
    try await engine.submit(SchedulerDriver.request(1, [1, 2], maxTokens: nil))
    try await engine.submit(SchedulerDriver.request(2, [1, 2], maxTokens: nil))
    await engine.shutdown()
    #expect(inbox.end(1) != nil)
    #expect(inbox.end(2) == .cancelled)
    #expect(tracked.released.withLock { $0 })
    do throws(AtelierError) {
      try await engine.submit(SchedulerDriver.request(3, [1]))
      Issue.record("took a request after the shutdown")
    } catch {
      #expect(error.code == .shuttingDown)
    }
    await engine.cancel(1)
    await engine.shutdown()
  }

  @Test func reportsWhenTheRunnerCannotBeMade() async throws {
    struct Refused: Error {}
    let engine = BatchingEngine(
      makeRunner: { throw Refused() }, configuration: EngineConfiguration(), sink: { _ in })
    await #expect(throws: Refused.self) { try await engine.start() }
    await engine.shutdown()
  }

  /// Runs a closure when it is released.
  private final class ReleaseToken {
    private let action: () -> Void
    init(_ action: @escaping () -> Void) { self.action = action }
    deinit { action() }
  }
}
