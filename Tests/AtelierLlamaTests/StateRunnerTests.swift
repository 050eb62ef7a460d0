import AtelierEngine
import AtelierWorker
import Testing

@testable import AtelierLlama

/// The runner on memories that cannot simply be cut: what is reused gives the logits that computing it again gives.
@Suite(.serialized)
struct StateRunnerTests {
  private typealias Model = StateModel

  /// Windows only, though a cache of full size would fit.
  private static func keepWindows(_ plan: inout MemoryPlan) {
    guard plan.kind == .fullWindow else { return }
    plan.kind = .window
    plan.sequences = 10
    plan.checkpointBytes = 1 << 20
  }

  private func runner(_ model: StateModel) throws -> any ModelRunner {
    try model.backend(adjust: Self.keepWindows).makeRunner()
  }

  private func logits(_ runner: any ModelRunner, row: Int) -> [Float] { Array(runner.logits(row: row)) }

  /// The largest difference, in parts of the logits' range.
  private func distance(_ first: [Float], _ second: [Float]) -> Float {
    let range = (first.max() ?? 0) - (first.min() ?? 0)
    return zip(first, second).reduce(0) { max($0, abs($1.0 - $1.1)) } / range
  }

  @Test(arguments: StateModel.allCases)
  func aRestoredStateContinuesAsComputed(_ model: StateModel) throws {
    let runner = try runner(model)
    guard case .checkpoints = runner.prefixReuse else {
      Issue.record("\(runner.prefixReuse)")
      return
    }
    let prompt = StateModel.tokens(300, seed: 1)
    let other = StateModel.tokens(60, seed: 2)
    try runner.evaluate(prompt[..<200], sequence: 0, from: 0)
    let bytes = try #require(runner.saveCheckpoint(1, of: 0))
    #expect(bytes > 1000)
    #expect(bytes < 100_000)
    try runner.evaluate(prompt[200...], sequence: 0, from: 200)

    try runner.evaluate(prompt[..<200], sequence: 6, from: 0)
    let computed = logits(runner, row: try runner.evaluate(other, sequence: 6, from: 200))

    // Another sequence forks from one that has gone on.
    runner.copySequence(0, to: 5, count: 200)
    #expect(runner.restoreCheckpoint(1, to: 5))
    let forked = logits(runner, row: try runner.evaluate(other, sequence: 5, from: 200))
    #expect(distance(computed, forked) < 0.01)

    // The sequence itself is cut back.
    #expect(!runner.trimSequence(0, from: 200), "its state is that of all its tokens")
    #expect(runner.restoreCheckpoint(1, to: 0))
    #expect(runner.trimSequence(0, from: 200))
    let cut = logits(runner, row: try runner.evaluate(other, sequence: 0, from: 200))
    #expect(distance(computed, cut) < 0.01)

    // These numbers tell another history apart.
    try runner.evaluate(StateModel.tokens(200, seed: 3), sequence: 7, from: 0)
    let different = logits(runner, row: try runner.evaluate(other, sequence: 7, from: 200))
    #expect(distance(computed, different) > (model == .window ? 0 : 0.02))

    runner.discardCheckpoint(1)
    #expect(!runner.restoreCheckpoint(1, to: 0))
    #expect(runner.saveCheckpoint(2, of: runner.maxSequences) == nil)
    #expect(!runner.restoreCheckpoint(2, to: -1))
  }

  @Test(arguments: StateModel.allCases)
  func aWholeSequenceIsCopied(_ model: StateModel) throws {
    let runner = try runner(model)
    let prompt = StateModel.tokens(150, seed: 1)
    try runner.evaluate(prompt, sequence: 0, from: 0)
    runner.copySequence(0, to: 3, count: 150)
    let first = logits(runner, row: try runner.evaluate([7, 8, 9], sequence: 0, from: 150))
    let second = logits(runner, row: try runner.evaluate([7, 8, 9], sequence: 3, from: 150))
    #expect(distance(first, second) < 0.01)
  }

  /// Without its shadow a sequence loses the cells outside its window to others, though cells are free.
  @Test func aWindowOfFullSizeIsCutAnywhere() throws {
    let backend = try StateModel.window.backend()
    #expect(backend.memoryPlan?.kind == .fullWindow)
    let runner = try backend.makeRunner()
    #expect(runner.prefixReuse == .anyPrefix)
    let prompts = (0..<5).map { StateModel.tokens(300, seed: 10 + UInt64($0)) }
    for sequence in 0...2 { try runner.evaluate(prompts[sequence], sequence: sequence, from: 0) }
    runner.trimSequence(1, from: 0)
    for sequence in 3...4 { try runner.evaluate(prompts[sequence].prefix(200), sequence: sequence, from: 0) }
    for sequence in 3...4 { runner.trimSequence(sequence, from: 0) }

    let other = StateModel.tokens(20, seed: 2)
    runner.copySequence(2, to: 5, count: 100)
    let forked = logits(runner, row: try runner.evaluate(other, sequence: 5, from: 100))
    #expect(runner.trimSequence(2, from: 100))
    let cut = logits(runner, row: try runner.evaluate(other, sequence: 2, from: 100))
    try runner.evaluate(prompts[2].prefix(100), sequence: 6, from: 0)
    let computed = logits(runner, row: try runner.evaluate(other, sequence: 6, from: 100))
    #expect(distance(computed, forked) < 0.01)
    #expect(distance(computed, cut) < 0.01)
  }

  @Test func everySequenceHasRoomForItsWindow() throws {
    let runner = try runner(.window)
    // Long sequences leave cells outside their windows that others may take, in every number at once.
    for sequence in 0..<runner.maxSequences {
      try runner.evaluate(StateModel.tokens(100, seed: UInt64(sequence)), sequence: sequence, from: 0)
    }
    var saved = 0
    for sequence in 0..<runner.maxSequences {
      saved += try #require(runner.saveCheckpoint(UInt64(sequence), of: sequence))
    }
    #expect(saved < runner.maxSequences * 40_000)
  }
}
