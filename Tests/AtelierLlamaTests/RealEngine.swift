import AtelierCore
import AtelierEngine
import AtelierWorker
import Synchronization
import Testing

/// A `BatchingEngine` over llama.cpp, asked by tests.
final class RealEngine: Sendable {
  struct Answer: Sendable {
    var tokens: [Int32] = []
    var probabilities: [TokenProbability] = []
    /// Of the prompt's tokens.
    var scores: [TokenProbability] = []
    /// Prompt tokens that were in memory.
    var cached: Int?
    var end: SequenceEnd?
  }

  private struct State {
    var answers: [UInt64: Answer] = [:]
    var waiting: [UInt64: CheckedContinuation<Answer, Never>] = [:]
    var lastID: UInt64 = 0
  }

  private final class Inbox: Sendable {
    let state = Mutex(State())

    func take(_ output: StepOutput) {
      state.withLock { state in
        for entry in output.entries {
          switch entry.event {
          case .prompt(_, let cached, _): state.answers[entry.id, default: Answer()].cached = cached
          case .scored(let scores): state.answers[entry.id, default: Answer()].scores += scores
          case .pooled: break
          case .token(let token, let probability, _):
            state.answers[entry.id, default: Answer()].tokens.append(token)
            if let probability { state.answers[entry.id, default: Answer()].probabilities.append(probability) }
          case .finished(let end):
            state.answers[entry.id, default: Answer()].end = end
            if let waiting = state.waiting.removeValue(forKey: entry.id) {
              waiting.resume(returning: state.answers[entry.id] ?? Answer())
            }
          }
        }
      }
    }
  }

  private let engine: BatchingEngine
  private let inbox: Inbox

  private init(engine: BatchingEngine, inbox: Inbox) {
    self.engine = engine
    self.inbox = inbox
  }

  /// Runs `body` on an engine of its own and returns its result with what the runner did.
  static func with<Result: Sendable>(
    _ backend: any ModelBackend, _ configuration: EngineConfiguration = EngineConfiguration(), idleCells: Int? = nil,
    _ body: (RealEngine) async throws -> Result
  ) async throws -> (result: Result, work: ObservedRunner.Work) {
    let inbox = Inbox()
    let meter = ObservedRunner.Meter()
    let engine = BatchingEngine(
      makeRunner: { ObservedRunner(try backend.makeRunner(), meter: meter, idleCells: idleCells) },
      configuration: configuration,
      sink: { inbox.take($0) })
    try await engine.start()
    let real = RealEngine(engine: engine, inbox: inbox)
    do {
      let result = try await body(real)
      await engine.shutdown()
      return (result, meter.work.withLock { $0 })
    } catch {
      await engine.shutdown()
      throw error
    }
  }

  /// Answers all requests at once, in their order. Their ids are replaced.
  func answer(_ requests: [SequenceRequest]) async throws -> [Answer] {
    var ids: [UInt64] = []
    for var request in requests {
      request.id = inbox.state.withLock { state in
        state.lastID += 1
        return state.lastID
      }
      try await engine.submit(request)
      ids.append(request.id)
    }
    var answers: [Answer] = []
    for id in ids { answers.append(await answer(of: id)) }
    return answers
  }

  func answer(_ request: SequenceRequest) async throws -> Answer { try #require(await answer([request]).first) }

  private func answer(of id: UInt64) async -> Answer {
    await withCheckedContinuation { continuation in
      let done = inbox.state.withLock { state -> Answer? in
        if let answer = state.answers[id], answer.end != nil { return answer }
        state.waiting[id] = continuation
        return nil
      }
      if let done { continuation.resume(returning: done) }
    }
  }

  /// Greedy, with the two most likely tokens of each step.
  static func greedy(_ prompt: [Int32], count: Int) -> SequenceRequest {
    SequenceRequest(
      id: 0, prompt: prompt,
      sampling: SamplingParameters(
        temperature: 0, topP: 1, topK: 0, minP: 0, repeatPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, seed: 1),
      maxTokens: count, topLogprobs: 2)
  }
}
