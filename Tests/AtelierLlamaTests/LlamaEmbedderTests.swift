import AtelierCore
import AtelierWorker
import Testing

@testable import AtelierLlama

/// Embeddings of all-MiniLM-L6-v2, whose cosines are known.
@Suite(.enabled(if: TestModel.embeddingPath != "", "set ATELIER_TEST_EMBEDDING_MODEL to all-MiniLM-L6-v2 as GGUF"))
struct LlamaEmbedderTests {
  private func backend() throws -> LlamaBackend {
    let configuration = LoadConfiguration(contextLength: 2048, evalBatchSize: 512, threads: 1, promptThreads: 1)
    return try LlamaBackend.load(
      EngineLoad(kind: .embedding, files: [TestModel.embeddingPath], projector: nil, configuration: configuration),
      progress: { _ in true })
  }

  private func dot(_ left: [Float], _ right: [Float]) -> Float { zip(left, right).reduce(0) { $0 + $1.0 * $1.1 } }

  @Test func knownCosines() throws {
    let backend = try backend()
    let texts = [
      "That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day",
    ]
    let inputs = texts.map { backend.tokenize($0, addSpecial: true, parseSpecial: false) }
    let vectors = try backend.embed(inputs)
    #expect(vectors.allSatisfy { $0.count == 384 && abs(dot($0, $0) - 1) < 1e-4 })
    #expect(abs(dot(vectors[0], vectors[1]) - 0.6945) < 0.002)
    #expect(abs(dot(vectors[0], vectors[2]) - 0.9428) < 0.002)
    #expect(abs(dot(vectors[0], vectors[3]) - 0.2568) < 0.002)
    // Neighbours in a batch do not matter.
    for (input, vector) in zip(inputs, vectors) {
      let alone = try backend.embed([input])
      #expect(dot(alone[0], vector) > 0.9999)
    }
  }

  @Test func moreInputsThanOneBatchKeepTheirOrder() throws {
    let backend = try backend()
    let inputs = (0..<150).map { backend.tokenize("Number \($0) of many", addSpecial: true, parseSpecial: false) }
    let vectors = try backend.embed(inputs)
    #expect(vectors.count == 150)
    let last = try backend.embed([inputs[149]])
    #expect(dot(vectors[149], last[0]) > 0.9999)
  }

  @Test func badInputsAreRefusedByName() throws {
    let backend = try backend()
    #expect(backend.properties.contextLength == 512)
    #expect(backend.properties.embeddingLength == 384)
    func error(_ inputs: [[Int32]]) -> AtelierError? {
      do throws(AtelierError) {
        _ = try backend.embed(inputs)
        return nil
      } catch {
        return error
      }
    }
    let long = error([[101, 102], Array(repeating: 1000, count: 513)])
    #expect(long?.code == .contextLengthExceeded)
    #expect(long?.param == "input.1")
    #expect(error([[]])?.code == .invalidValue)
    #expect(error([[Int32.max]])?.code == .invalidValue)
    #expect(throws: AtelierError.self) { try backend.makeRunner() }
  }
}
