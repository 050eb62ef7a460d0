import AtelierCore
import AtelierEngine
import AtelierWorker
import Testing

@testable import AtelierLlama

/// Vectors of all-MiniLM-L6-v2, whose cosines are known.
@Suite(.enabled(if: TestModel.embeddingPath != "", "set ATELIER_TEST_EMBEDDING_MODEL to all-MiniLM-L6-v2 as GGUF"))
struct LlamaPoolingRunnerTests {
  /// `threads` make as many lanes.
  private func backend(
    _ path: String = TestModel.embeddingPath, contextLength: Int = 2048, evalBatchSize: Int = 512, threads: Int = 1
  ) throws -> LlamaBackend {
    let configuration = LoadConfiguration(
      contextLength: contextLength, evalBatchSize: evalBatchSize, threads: threads, promptThreads: threads)
    return try LlamaBackend.load(
      EngineLoad(kind: .embedding, files: [path], projector: nil, configuration: configuration),
      progress: { _ in true })
  }

  private func tokens(_ texts: [String], _ backend: LlamaBackend) -> [[Int32]] {
    texts.map { backend.tokenize($0, addSpecial: true, parseSpecial: false) }
  }

  private func cosine(_ left: [Float], _ right: [Float]) -> Float {
    func dot(_ left: [Float], _ right: [Float]) -> Float { zip(left, right).reduce(0) { $0 + $1.0 * $1.1 } }
    return dot(left, right) / (dot(left, left) * dot(right, right)).squareRoot()
  }

  private let texts = [
    "That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day",
  ]

  @Test func knownCosines() throws {
    let backend = try backend()
    let runner = try backend.makePoolingRunner()
    #expect(runner.laneCount == 1 && runner.rowsPerLane == 256)
    let inputs = tokens(texts, backend)
    let vectors = try runner.pool([inputs])[0]
    #expect(vectors.allSatisfy { $0.count == 384 })
    #expect(abs(cosine(vectors[0], vectors[1]) - 0.6945) < 0.002)
    #expect(abs(cosine(vectors[0], vectors[2]) - 0.9428) < 0.002)
    #expect(abs(cosine(vectors[0], vectors[3]) - 0.2568) < 0.002)
    // Neighbours in a batch do not matter.
    for (input, vector) in zip(inputs, vectors) {
      #expect(cosine(try runner.pool([[input]])[0][0], vector) > 0.9999)
    }
  }

  @Test func lanesGiveTheSameVectorsInTheSamePlaces() throws {
    let backend = try backend(threads: 2)
    let runner = try backend.makePoolingRunner()
    #expect(runner.laneCount == 2)
    let inputs = tokens((0..<40).map { "Number \($0) of many\(String(repeating: ", more", count: $0 % 7))" }, backend)
    let alone = try inputs.map { try runner.pool([[$0], []])[0][0] }
    for _ in 0..<3 {
      let lanes = try runner.pool([Array(inputs[..<25]), Array(inputs[25...])])
      #expect(lanes.map(\.count) == [25, 15])
      for (together, alone) in zip(lanes.joined(), alone) { #expect(cosine(together, alone) > 0.9999) }
    }
    // A call that uses one lane leaves the others alone.
    #expect(try runner.pool([[inputs[3]], []])[1].isEmpty)
    #expect(throws: RunnerError.self) { try runner.pool([[], [inputs[3]]]) }
    #expect(throws: RunnerError.self) { try runner.pool([[], [], []] + [[inputs[0]]]) }
  }

  @Test func whatDoesNotFitIsRefusedAndNotTried() throws {
    let backend = try backend()
    #expect(backend.properties.contextLength == 512)
    #expect(backend.properties.embeddingLength == 384)
    #expect(!backend.isReranker)
    let runner = try backend.makePoolingRunner()
    #expect(runner.maxInputTokens == 512)
    #expect(throws: RunnerError.self) { try runner.pool([[Array(repeating: 1000, count: 513)]]) }
    #expect(throws: RunnerError.self) { try runner.pool([[[101, 102], []]]) }
    #expect(throws: RunnerError.self) { try runner.pool([[[101, Int32.max, 102]]]) }
    #expect(throws: RunnerError.self) { try runner.pool([Array(repeating: [101, 102], count: 65)]) }
    #expect(try runner.pool([[Array(repeating: 1000, count: 512)]])[0][0].count == 384)
    #expect(try runner.pool([Array(repeating: [101, 102], count: 64)])[0].count == 64)
    #expect(throws: AtelierError.self) { try backend.makePoolingRunner() }
    #expect(throws: AtelierError.self) { try backend.makeRunner() }
    #expect(throws: AtelierError.self) { try backend.rankInput(query: "a", document: "b") }
  }

  /// llama.cpp would abort on such a size.
  @Test func anyContextLengthLoads() throws {
    let backend = try backend(contextLength: 100, evalBatchSize: 7)
    let runner = try backend.makePoolingRunner()
    #expect(backend.properties.contextLength == 100 && runner.maxInputTokens == 100 && runner.rowsPerLane == 7)
    #expect(try runner.pool([[Array(repeating: 1000, count: 100)]])[0][0].count == 384)
  }

  /// A language model as an embedding model: causal attention, and a cache that must be empty at each call.
  @Test(.enabled(if: TestModel.isAvailable))
  func aDecoderPoolsToo() throws {
    let backend = try backend(TestModel.path, contextLength: 300, threads: 2)
    let runner = try backend.makePoolingRunner()
    #expect(runner.laneCount == 1, "its context is too large to have several")
    let inputs = tokens(texts + ["A text of another length, to be computed beside the others."], backend)
    let first = try runner.pool([inputs])[0]
    let again = try runner.pool([inputs.reversed()])[0].reversed()
    for (first, again) in zip(first, again) { #expect(cosine(first, again) > 0.999) }
    for (input, vector) in zip(inputs, first) { #expect(cosine(try runner.pool([[input]])[0][0], vector) > 0.999) }
    #expect(cosine(first[0], first[2]) > cosine(first[0], first[3]))
    for _ in 0..<4 {
      #expect(try runner.pool([[Array(repeating: 100, count: 300)]])[0][0].count == backend.properties.embeddingLength)
    }
  }
}
