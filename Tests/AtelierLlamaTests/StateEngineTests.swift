import AtelierCore
import AtelierEngine
import AtelierWorker
import Testing

@testable import AtelierLlama

/// The whole engine on memories that cannot simply be cut: the answers with reuse are the answers without.
@Suite(.serialized)
struct StateEngineTests {
  private static let budget = 200_000

  /// Windows only, though a cache of full size would fit, and a small budget.
  private static func limit(_ plan: inout MemoryPlan) {
    if plan.kind == .fullWindow {
      plan.kind = .window
      plan.sequences = 10
    }
    plan.checkpointBytes = budget
  }

  private func fresh(_ model: StateModel, _ request: SequenceRequest) async throws -> RealEngine.Answer {
    let (answer, _) = try await RealEngine.with(try model.backend(adjust: Self.limit)) { try await $0.answer(request) }
    #expect(answer.cached == 0)
    return answer
  }

  @Test(arguments: StateModel.allCases)
  func conversationsAndSharedPrefixesAreReused(_ model: StateModel) async throws {
    let system = StateModel.tokens(200, seed: 1)
    let first = system + StateModel.tokens(50, seed: 2)
    let second = system + StateModel.tokens(70, seed: 3)
    let third = system + StateModel.tokens(40, seed: 4)
    let backend = try model.backend(adjust: Self.limit)
    let (answers, work) = try await RealEngine.with(backend) { engine in
      var answers: [RealEngine.Answer] = []
      var prompts = [first, second, third, first]
      for prompt in prompts { answers.append(try await engine.answer(RealEngine.greedy(prompt, count: 16))) }
      // A turn that continues exactly, and one in which the answer came back changed.
      prompts.append(first + answers[0].tokens + StateModel.tokens(20, seed: 5))
      prompts.append(first + answers[0].tokens.dropLast(6) + StateModel.tokens(20, seed: 6))
      for prompt in prompts[4...] { answers.append(try await engine.answer(RealEngine.greedy(prompt, count: 16))) }
      return zip(prompts, answers).map { ($0, $1) }
    }
    // The first prompt's last logits are still known when it comes again, so all but its last token counts as cached.
    #expect(answers.map { $0.1.cached ?? 0 } == [0, 0, 200, first.count - 1, 265, 242])
    #expect(work.mostCheckpointBytes <= Self.budget)
    #expect(work.restores > 0)
    for (prompt, answer) in answers {
      let expected = try await fresh(model, RealEngine.greedy(prompt, count: 16))
      AnswerComparison.expectSame(answer, as: expected)
    }
  }

  @Test(arguments: StateModel.allCases)
  func simultaneousRequestsShareWhatIsBeingComputed(_ model: StateModel) async throws {
    let system = StateModel.tokens(300, seed: 1)
    let requests = (0..<4).map {
      RealEngine.greedy(system + StateModel.tokens(30, seed: 10 + UInt64($0)), count: 12)
    }
    let backend = try model.backend(adjust: Self.limit)
    let (answers, work) = try await RealEngine.with(
      backend, EngineConfiguration(parallel: 4, promptTokensPerStep: 128)
    ) { try await $0.answer(requests) }
    #expect(answers.map { $0.cached ?? 0 } == [0, 300, 300, 300])
    #expect(work.rows < 300 + 4 * 50)
    for (request, answer) in zip(requests, answers) {
      AnswerComparison.expectSame(answer, as: try await fresh(model, request))
    }
  }

  @Test(arguments: StateModel.allCases)
  func whatGaveWayIsResumedWithoutAWrongToken(_ model: StateModel) async throws {
    let requests = (0..<3).map { RealEngine.greedy(StateModel.tokens(60, seed: 20 + UInt64($0)), count: 80) }
    let backend = try model.backend(contextLength: 256, adjust: Self.limit)
    let (answers, work) = try await RealEngine.with(backend) { try await $0.answer(requests) }
    #expect(work.rows > 3 * 139, "nobody gave way")
    for (request, answer) in zip(requests, answers) {
      #expect(answer.tokens.count == 80 || answer.end == .endOfText)
      AnswerComparison.expectSame(answer, as: try await fresh(model, request))
    }
  }

  /// At full size a window is reused like full attention.
  @Test func aWindowOfFullSizeSharesAnyPrefix() async throws {
    let text = StateModel.tokens(400, seed: 1)
    let requests = [400, 350, 123].map {
      RealEngine.greedy(text.prefix($0) + StateModel.tokens(20, seed: UInt64($0)), count: 12)
    }
    let (answers, _) = try await RealEngine.with(try StateModel.window.backend()) { engine in
      var answers: [RealEngine.Answer] = []
      for request in requests { answers.append(try await engine.answer(request)) }
      return answers
    }
    #expect(answers.map { $0.cached ?? 0 } == [0, 350, 123])
    for (request, answer) in zip(requests, answers) {
      AnswerComparison.expectSame(answer, as: try await fresh(.window, request))
    }
  }
}
