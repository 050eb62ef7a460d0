import AtelierCore
import AtelierEngine
import AtelierWorker
import Foundation
import Testing

@testable import AtelierLlama

/// Whatever way a greedy answer is computed, it is the same text: from the cache or not, alone or beside others, in one
/// piece or in chunks, in one go or given way and resumed (up to ties, see `AnswerComparison`).
@Suite(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"), .serialized)
struct EquivalenceTests {
  private static let questions = [
    "Name three animals.", "What is the capital of France?", "Count from one to ten.", "Write a sentence about rain.",
  ]

  private func prompt(_ question: String) throws -> [Int32] {
    try TestModel.backend.get().tokenize(
      "<|im_start|>user\n\(question)<|im_end|>\n<|im_start|>assistant\n", addSpecial: true, parseSpecial: true)
  }

  private func requests(count: Int) throws -> [SequenceRequest] {
    try Self.questions.map { RealEngine.greedy(try prompt($0), count: count) }
  }

  /// Each on its own, nothing cached: what everything else is compared to.
  private func alone(_ requests: [SequenceRequest]) async throws -> [RealEngine.Answer] {
    let (answers, _) = try await RealEngine.with(try TestModel.load()) { engine in
      var answers: [RealEngine.Answer] = []
      for var request in requests {
        request.cacheable = false
        answers.append(try await engine.answer(request))
      }
      return answers
    }
    #expect(answers.allSatisfy { $0.cached == 0 })
    return answers
  }

  /// The texts would not show much if they parted at once.
  private func expectSame(
    _ answers: [RealEngine.Answer], as expected: [RealEngine.Answer], at location: SourceLocation = #_sourceLocation
  ) {
    var equal = 0
    for (answer, expected) in zip(answers, expected) {
      equal += AnswerComparison.expectSame(answer, as: expected, at: location)
    }
    let all = expected.reduce(0) { $0 + $1.tokens.count }
    #expect(equal * 10 >= all * 6, "ties are rarer than that", sourceLocation: location)
  }

  @Test func besideOthersAndInChunks() async throws {
    let requests = try requests(count: 16)
    let expected = try await alone(requests)
    let (together, _) = try await RealEngine.with(try TestModel.load()) { try await $0.answer(requests) }
    expectSame(together, as: expected)
    let (chunked, _) = try await RealEngine.with(
      try TestModel.load(), EngineConfiguration(parallel: 2, promptTokensPerStep: 5)
    ) { try await $0.answer(requests) }
    expectSame(chunked, as: expected)
  }

  /// A text that was generated is as likely when it is read: alone, beside others, and after it has been cached.
  @Test func promptsAreScoredAsTheyWereGenerated() async throws {
    let requests = try requests(count: 12)
    let (answers, _) = try await RealEngine.with(try TestModel.load()) { engine in
      var answers: [(generated: RealEngine.Answer, read: RealEngine.Answer)] = []
      let generated = try await engine.answer(requests)
      let questions = zip(requests, generated).map { request, answer in
        var question = RealEngine.greedy(request.prompt + answer.tokens, count: 0)
        question.scoresPrompt = true
        return question
      }
      for (written, read) in zip(generated, try await engine.answer(questions)) { answers.append((written, read)) }
      answers.append((generated[0], try await engine.answer(questions[0])))
      return answers
    }
    for (generated, read) in answers {
      #expect(read.end == .maxTokens && read.tokens.isEmpty && read.cached == 0)
      for (alone, other) in zip(generated.probabilities, read.scores.suffix(generated.tokens.count)) {
        #expect(abs(alone.logprob - other.logprob) < 0.15, "\(alone.logprob) and \(other.logprob)")
        #expect(other.top.count == 2)
      }
    }
    for (request, answer) in zip(requests, answers) {
      #expect(answer.read.scores.count == request.prompt.count + answer.generated.tokens.count - 1)
    }
  }

  @Test func fromTheCache() async throws {
    let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 12)
    let prompts = try ["Count the dogs.", "Count the foxes.", "Count the dogs."].map { try prompt(text + $0) }
    let requests = prompts.map { RealEngine.greedy($0, count: 16) }
    let expected = try await alone(requests)
    let (cached, _) = try await RealEngine.with(try TestModel.load()) { engine in
      var answers: [RealEngine.Answer] = []
      for request in requests { answers.append(try await engine.answer(request)) }
      // The conversation goes on, and an earlier point of it is taken up again.
      for prefix in [prompts[0] + answers[0].tokens, Array(prompts[0].dropLast(20))] {
        answers.append(try await engine.answer(RealEngine.greedy(prefix + prompts[1].suffix(12), count: 16)))
      }
      return answers
    }
    #expect(cached[1].cached ?? 0 > 100)
    #expect(cached[2].cached == prompts[2].count - 1)
    #expect(cached[3].cached ?? 0 >= prompts[0].count + cached[0].tokens.count - 1)
    #expect(cached[4].cached == prompts[0].count - 20)
    expectSame(Array(cached[..<3]), as: expected)
    let later = [prompts[0] + cached[0].tokens, Array(prompts[0].dropLast(20))].map {
      RealEngine.greedy($0 + prompts[1].suffix(12), count: 16)
    }
    expectSame(Array(cached[3...]), as: try await alone(later))
  }

  /// The same, where each answer pushes the earlier conversations out of the cells.
  @Test func fromHostMemory() async throws {
    let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 12)
    let prompts = try ["Count the dogs.", "Count the foxes."].map { try prompt(text + $0) }
    let filler = RealEngine.greedy(try prompt("Tell me a story."), count: 8)
    let (answers, work) = try await RealEngine.with(try TestModel.load(), idleCells: 0) { engine in
      var answers: [RealEngine.Answer] = []
      for prompt in prompts {
        answers.append(try await engine.answer(RealEngine.greedy(prompt, count: 16)))
        _ = try await engine.answer(filler)
      }
      // The conversation goes on twice, and an earlier point of it is taken up again.
      let more = [
        prompts[0] + answers[0].tokens + prompts[1].suffix(12),
        prompts[0] + answers[0].tokens + prompts[1].suffix(12) + prompts[0].suffix(20),
        Array(prompts[0].dropLast(20)) + prompts[1].suffix(12),
      ]
      for prompt in more {
        answers.append(try await engine.answer(RealEngine.greedy(prompt, count: 16)))
        _ = try await engine.answer(filler)
      }
      return answers
    }
    #expect(work.parked >= 5)
    #expect(work.unparked >= 4)
    #expect(answers[1].cached ?? 0 > 100)
    #expect(answers[2].cached ?? 0 >= prompts[0].count + answers[0].tokens.count - 1)
    #expect(answers[3].cached ?? 0 >= prompts[0].count + answers[0].tokens.count + 11)
    #expect(answers[4].cached == prompts[0].count - 20)
    let requests = [
      prompts[0], prompts[1], prompts[0] + answers[0].tokens + prompts[1].suffix(12),
      prompts[0] + answers[0].tokens + prompts[1].suffix(12) + prompts[0].suffix(20),
      Array(prompts[0].dropLast(20)) + prompts[1].suffix(12),
    ].map { RealEngine.greedy($0, count: 16) }
    expectSame(answers, as: try await alone(requests))
  }

  /// Three texts that do not end by themselves, which together need more cells than there are.
  private func endless() throws -> [SequenceRequest] {
    let backend = try TestModel.backend.get()
    return try ["Once upon a time there was", "In the year 1969 the first", "A recipe for bread needs"].map { text in
      let prompt = backend.tokenize(text, addSpecial: true, parseSpecial: false)
      var request = RealEngine.greedy(prompt, count: 90)
      request.sampling.logitBias = try TestModel.endTokens().reduce(into: [:]) { $0[$1] = -100 }
      return request
    }
  }

  @Test func gaveWayAndResumed() async throws {
    let requests = try endless()
    let expected = try await alone(requests)
    let (answers, work) = try await RealEngine.with(try TestModel.load(contextLength: 256)) {
      try await $0.answer(requests)
    }
    #expect(work.unparked > 0, "nobody gave way")
    expectSame(answers, as: expected)
  }

  /// With a grammar and penalties the choice hangs on more than the two best tokens, so what is checked is what must hold
  /// of each answer by itself; that nothing changes at all is shown without a model (`BatchingEngineTests`).
  @Test func gaveWayWithGrammarPenaltiesAndLogprobs() async throws {
    let backend = try TestModel.backend.get()
    let schema: JSONValue = [
      "type": "object", "required": ["words"], "additionalProperties": false,
      "properties": [
        "words": ["type": "array", "minItems": 30, "maxItems": 40, "items": ["type": "string", "maxLength": 12]]
      ],
    ]
    let grammar = try #require(try backend.constraint(for: .jsonSchema(schema.serialized())))
    let requests = try endless().map { endless in
      var request = endless
      request.grammar = grammar
      request.sampling.repeatPenalty = 1.15
      request.sampling.frequencyPenalty = 0.2
      request.sampling.presencePenalty = 0.1
      return request
    }
    let (answers, work) = try await RealEngine.with(try TestModel.load(contextLength: 256)) {
      try await $0.answer(requests)
    }
    #expect(work.unparked > 0, "nobody gave way")
    let runner = try TestModel.runner()
    for (number, (request, answer)) in zip(requests, answers).enumerated() {
      #expect(answer.tokens.count > 60)
      let state = try runner.makeConstraint(grammar)
      for token in answer.tokens {
        guard state.allows(token) else {
          Issue.record("the grammar's state was lost")
          break
        }
        state.accept(token)
      }
      let logprobs = try runner.logprobs(of: answer.tokens, after: request.prompt, sequence: number)
      for (reported, computed) in zip(answer.probabilities, logprobs) {
        #expect(abs(reported.logprob - computed) < AnswerComparison.tolerance)
      }
    }
  }
}

extension TestModel {
  /// The model with a context of the test's own.
  static func load(contextLength: Int = 1024) throws -> LlamaBackend {
    try LlamaBackend.load(load(contextLength: contextLength), progress: { _ in true })
  }

  /// The tokens that end a text.
  static func endTokens() throws -> [Int32] {
    let runner = try runner(contextLength: 256)
    return (0..<Int32(runner.vocabularySize)).filter { runner.isEndOfGeneration($0) }
  }
}

extension ModelRunner {
  /// Log probabilities of `tokens`, each after the prompt and those before it, as the model has them.
  fileprivate func logprobs(of tokens: [Int32], after prompt: [Int32], sequence: Int) throws -> [Float] {
    var result: [Float] = []
    var row = try evaluate(prompt, sequence: sequence, from: 0)
    for (index, token) in tokens.enumerated() {
      let logits = logits(row: row)
      let most = logits.max() ?? 0
      let sum = logits.reduce(Float(0)) { $0 + exp($1 - most) }
      result.append(logits[Int(token)] - most - log(sum))
      row = try evaluate([token], sequence: sequence, from: prompt.count + index)
    }
    return result
  }
}
