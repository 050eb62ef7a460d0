import AtelierCore
import AtelierEngine
import Foundation

@testable import AtelierLlama

/// The small real model the tests of this target run on, loaded once.
enum TestModel {
  /// Path of a GGUF file; the tests that need one are skipped without it.
  static let variable = "ATELIER_TEST_MODEL"
  static let path = ProcessInfo.processInfo.environment[variable] ?? ""
  static let embeddingPath = ProcessInfo.processInfo.environment["ATELIER_TEST_EMBEDDING_MODEL"] ?? ""
  static var isAvailable: Bool { !path.isEmpty }

  static let backend: Result<LlamaBackend, AtelierError> = {
    do throws(AtelierError) {
      return .success(try LlamaBackend.load(load(), progress: { _ in true }))
    } catch {
      return .failure(error)
    }
  }()

  /// One thread: the tests of several targets share the machine.
  static func load(_ files: [String]? = nil, contextLength: Int = 1024, parallel: Int = 4) -> EngineLoad {
    EngineLoad(
      kind: .llm, files: files ?? [path], projector: nil,
      configuration: LoadConfiguration(
        contextLength: contextLength, evalBatchSize: 128, parallel: parallel, threads: 1, promptThreads: 1))
  }

  /// A context of the test's own.
  static func runner(contextLength: Int = 1024) throws -> any ModelRunner {
    try LlamaBackend.load(load(contextLength: contextLength), progress: { _ in true }).makeRunner()
  }
}

extension ModelRunner {
  /// The most likely token of the row.
  func greedy(row: Int) -> Int32 {
    let logits = logits(row: row)
    var best = 0
    for token in logits.indices where logits[token] > logits[best] { best = token }
    return Int32(best)
  }

  /// Evaluates tokens of one sequence in chunks and returns the row of the last one's logits.
  @discardableResult
  func evaluate(_ tokens: some Collection<Int32>, sequence: Int, from start: Int, chunk: Int? = nil) throws -> Int {
    var batch = Batch(capacity: maxBatchRows)
    var position = start
    for (offset, token) in tokens.enumerated() {
      let isLast = offset == tokens.count - 1
      batch.append(token: token, position: position, sequence: sequence, logits: isLast)
      position += 1
      if !isLast, batch.count == chunk ?? maxBatchRows {
        try decode(batch)
        batch.removeAll()
      }
    }
    try decode(batch)
    return batch.count - 1
  }

  /// Continues greedily; the prompt's last logits are in `row`.
  func continueGreedily(sequence: Int, from start: Int, row: Int, count: Int) throws -> [Int32] {
    var tokens = [greedy(row: row)]
    while tokens.count < count {
      var batch = Batch(capacity: 1)
      batch.append(
        token: tokens[tokens.count - 1], position: start + tokens.count - 1, sequence: sequence, logits: true)
      try decode(batch)
      tokens.append(greedy(row: 0))
    }
    return tokens
  }
}
