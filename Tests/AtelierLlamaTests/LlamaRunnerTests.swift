import AtelierCore
import AtelierEngine
import AtelierWorker
import Testing

@testable import AtelierLlama

@Suite(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"), .serialized)
struct LlamaRunnerTests {
  private static let prompts = [
    "The capital of France is", "Once upon a time there was", "Water boils at", "def add(a, b):",
    "The three primary colours are", "In the year 1969", "A recipe for bread needs", "My favourite animal is",
  ]

  private func tokens(_ text: String) throws -> [Int32] {
    try TestModel.backend.get().tokenize(text, addSpecial: true, parseSpecial: false)
  }

  @Test func eightSequencesInOneBatchGiveWhatEachGivesAlone() throws {
    let runner = try TestModel.runner()
    let prompts = try Self.prompts.map(tokens)
    let steps = 24
    var alone: [[Int32]] = []
    for prompt in prompts {
      let row = try runner.evaluate(prompt, sequence: 0, from: 0)
      alone.append(try runner.continueGreedily(sequence: 0, from: prompt.count, row: row, count: steps))
      #expect(runner.trimSequence(0, from: 0))
    }
    var together = [[Int32]](repeating: [], count: prompts.count)
    for (sequence, prompt) in prompts.enumerated() {
      let row = try runner.evaluate(prompt, sequence: sequence, from: 0)
      together[sequence].append(runner.greedy(row: row))
    }
    for step in 1..<steps {
      var batch = Batch(capacity: prompts.count)
      for (sequence, prompt) in prompts.enumerated() {
        batch.append(
          token: together[sequence][step - 1], position: prompt.count + step - 1, sequence: sequence, logits: true)
      }
      try runner.decode(batch)
      for sequence in prompts.indices { together[sequence].append(runner.greedy(row: sequence)) }
    }
    #expect(together == alone)
  }

  @Test func copiedAndTrimmedPrefixContinuesAsComputed() throws {
    let runner = try TestModel.runner()
    #expect(runner.prefixReuse == .anyPrefix)
    let prompt = try tokens("The quick brown fox jumps over the lazy dog. The quick brown")
    let row = try runner.evaluate(prompt, sequence: 0, from: 0)
    let expected = try runner.continueGreedily(sequence: 0, from: prompt.count, row: row, count: 12)

    // A fork shares all but the last token; the source has gone on meanwhile.
    runner.copySequence(0, to: 5, count: prompt.count - 1)
    let fork = try runner.evaluate(prompt.suffix(1), sequence: 5, from: prompt.count - 1)
    #expect(try runner.continueGreedily(sequence: 5, from: prompt.count, row: fork, count: 12) == expected)

    // The source cut back in the middle of its prompt.
    let cut = prompt.count / 2
    #expect(runner.trimSequence(0, from: cut))
    let again = try runner.evaluate(prompt[cut...], sequence: 0, from: cut)
    #expect(try runner.continueGreedily(sequence: 0, from: prompt.count, row: again, count: 12) == expected)
  }

  @Test func parkedPositionsContinueAsComputed() throws {
    let runner = try TestModel.runner()
    let prompt = try tokens("The quick brown fox jumps over the lazy dog. The quick brown")
    let row = try runner.evaluate(prompt, sequence: 0, from: 0)
    let expected = try runner.continueGreedily(sequence: 0, from: prompt.count, row: row, count: 12)
    let half = prompt.count / 2
    let last = prompt.count - 1
    let whole = try #require(runner.parkSegment(1, of: 0, from: 0))
    let rest = try #require(runner.parkSegment(2, of: 0, from: half))
    #expect(rest < whole)
    #expect(runner.trimSequence(0, from: 0))

    // In two pieces.
    #expect(runner.unparkSegment(1, to: 3, positions: 0..<half))
    #expect(!runner.unparkSegment(2, to: 3, positions: half - 1..<last), "over what is there")
    #expect(!runner.unparkSegment(2, to: 3, positions: half + 1..<last), "behind a gap")
    #expect(runner.unparkSegment(2, to: 3, positions: half..<last))
    let again = try runner.evaluate(prompt.suffix(1), sequence: 3, from: last)
    #expect(try runner.continueGreedily(sequence: 3, from: prompt.count, row: again, count: 12) == expected)

    // The second one begins before the first one ends. Cells then lie in another order, and attention adds up in halves.
    #expect(runner.unparkSegment(1, to: 4, positions: 0..<half + 2))
    #expect(runner.unparkSegment(2, to: 4, positions: half + 2..<last))
    let moved = try runner.evaluate(prompt.suffix(1), sequence: 4, from: last)
    #expect(runner.greedy(row: moved) == expected[0])
    #expect(runner.trimSequence(4, from: 0))

    runner.releaseSegment(1)
    #expect(!runner.unparkSegment(1, to: 4, positions: 0..<half))
    #expect(runner.parkSegment(3, of: 5, from: 0) == nil, "nothing there")
  }

  @Test func chunkedPromptGivesTheSameContinuation() throws {
    let runner = try TestModel.runner()
    let prompt = try tokens(String(repeating: "One, two, three, four. ", count: 12))
    let whole = try runner.evaluate(prompt, sequence: 0, from: 0)
    let expected = try runner.continueGreedily(sequence: 0, from: prompt.count, row: whole, count: 8)
    let chunked = try runner.evaluate(prompt, sequence: 1, from: 0, chunk: 7)
    #expect(try runner.continueGreedily(sequence: 1, from: prompt.count, row: chunked, count: 8) == expected)
  }

  @Test func fullMemoryIsReportedAndLeavesTheSequencesUsable() throws {
    let runner = try TestModel.runner(contextLength: 256)
    #expect(runner.cellCount == 256)
    let token = try #require(try tokens("a").last)
    var position = 0
    var batch = Batch(capacity: 64)
    func fill(_ rows: Int, sequence: Int) throws(RunnerError) {
      batch.removeAll()
      for row in 0..<rows {
        batch.append(token: token, position: position + row, sequence: sequence, logits: row == rows - 1)
      }
      try runner.decode(batch)
    }
    for _ in 0..<3 {
      try fill(64, sequence: 0)
      position += 64
    }
    position = 0
    try fill(40, sequence: 1)
    position = 40
    #expect(throws: RunnerError.outOfCells) { try fill(64, sequence: 1) }
    // Nothing was changed: what fits still goes on where it stood, and freeing makes room.
    try fill(8, sequence: 1)
    position = 48
    #expect(runner.trimSequence(0, from: 0))
    try fill(64, sequence: 1)
  }

  @Test func wrongUseIsAnErrorAndNotAnAbort() throws {
    let runner = try TestModel.runner(contextLength: 512)
    var batch = Batch(capacity: runner.maxBatchRows + 1)
    for row in 0...runner.maxBatchRows { batch.append(token: 1, position: row, sequence: 0, logits: false) }
    #expect(throws: RunnerError.self) { try runner.decode(batch) }
    for (token, position, sequence) in [(Int32(1), 0, runner.maxSequences), (-1, 0, 0), (Int32.max, 0, 0), (1, 7, -1)] {
      batch.removeAll()
      batch.append(token: token, position: position, sequence: sequence, logits: true)
      #expect(throws: RunnerError.self) { try runner.decode(batch) }
    }
    // A hole between the sequence's last position and the row's.
    try runner.evaluate([1, 2, 3], sequence: 0, from: 0)
    batch.removeAll()
    batch.append(token: 1, position: 9, sequence: 0, logits: true)
    #expect(throws: RunnerError.self) { try runner.decode(batch) }
    runner.copySequence(0, to: runner.maxSequences, count: 2)
    #expect(!runner.trimSequence(-1, from: 0))
    try runner.evaluate([4], sequence: 0, from: 3)
  }
}
