import AtelierCore
import AtelierEngine
import AtelierWorker
import Testing

@testable import AtelierLlama

/// Prompts that are computed apart from the others' memory go on as if they had been computed beside them.
@Suite(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"), .serialized)
struct PromptStageTests {
  private static let steps = 8

  private func tokens(_ text: String, _ count: Int) throws -> [Int32] {
    let all = try TestModel.backend.get().tokenize(
      String(repeating: text, count: count / 4), addSpecial: true, parseSpecial: false)
    return Array(all.prefix(count))
  }

  @Test(arguments: [
    (64, 0, 256, true), (63, 0, 4000, false), (64, 0, 255, false), (200, 4000, 262, true), (200, 4000, 261, false),
  ])
  func worthWhatItCosts(rows: Int, prefix: Int, others: Int, pays: Bool) {
    #expect(PromptStage.pays(rows: rows, prefix: prefix, others: others) == pays)
  }

  private static func runner() throws -> LlamaRunner {
    let runner = try runnerWithoutStage()
    runner.makeStage()
    return runner
  }

  /// Sequence 0 has 30 tokens, 1 has 60, of which the first 40 are those of `prompt`. How many cells others hold is what
  /// the batch says.
  private func busyRunner(_ prompt: [Int32]) throws -> LlamaRunner {
    let runner = try Self.runner()
    _ = try runner.evaluate(try tokens("One day a man went to the sea. ", 30), sequence: 0, from: 0)
    let other = prompt.prefix(40) + (try tokens("A river runs through the town. ", 20))
    _ = try runner.evaluate(other, sequence: 1, from: 0)
    return runner
  }

  /// One step: a row that goes on with sequence 0, and rows of the prompt in sequence 2.
  private func step(
    _ runner: LlamaRunner, _ position: Int, _ prompt: [Int32], _ rows: Range<Int>, cells: Int
  ) throws -> Int {
    var batch = Batch(capacity: 512)
    batch.append(token: 17, position: position, sequence: 0, logits: true)
    batch.decodeRows = 1
    batch.cellsInUse = cells
    for row in rows {
      batch.append(token: prompt[row], position: row, sequence: 2, logits: row == prompt.count - 1)
    }
    try runner.decode(batch)
    return batch.count - 1
  }

  private static let prompt = Result {
    let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 20)
    return Array(try TestModel.backend.get().tokenize(text, addSpecial: true, parseSpecial: false).prefix(180))
  }

  /// What follows the prompt, computed alone.
  private static let expected = Result {
    let prompt = try PromptStageTests.prompt.get()
    let alone = try runner()
    let row = try alone.evaluate(prompt, sequence: 0, from: 0)
    return try alone.continueGreedily(sequence: 0, from: prompt.count, row: row, count: steps)
  }

  @Test func promptComesBackWhenItIsComplete() throws {
    let prompt = try Self.prompt.get()
    let runner = try busyRunner(prompt)
    runner.copySequence(1, to: 2, count: 40)
    var row = try step(runner, 30, prompt, 40..<140, cells: 1200)
    #expect(runner.stage?.holds(2) == true)
    // The last rows are few, and still belong to the rest.
    row = try step(runner, 31, prompt, 140..<170, cells: 1300)
    row = try step(runner, 32, prompt, 170..<180, cells: 1440)
    #expect(runner.stage?.isEmpty == true)
    #expect(try runner.continueGreedily(sequence: 2, from: 180, row: row, count: Self.steps) == Self.expected.get())
  }

  @Test func forkTakesWhatIsThereSoFar() throws {
    let prompt = try Self.prompt.get()
    let runner = try busyRunner(prompt)
    _ = try step(runner, 30, prompt, 0..<140, cells: 1200)
    #expect(runner.stage?.holds(2) == true)
    runner.copySequence(2, to: 3, count: 130)
    #expect(runner.stage?.holds(2) == true)
    let fork = try runner.evaluate(prompt[130...], sequence: 3, from: 130)
    #expect(try runner.continueGreedily(sequence: 3, from: 180, row: fork, count: Self.steps) == Self.expected.get())
    // And the one it came from goes on.
    let row = try step(runner, 31, prompt, 140..<180, cells: 1500)
    #expect(try runner.continueGreedily(sequence: 2, from: 180, row: row, count: Self.steps) == Self.expected.get())
  }

  @Test func sequenceThatWentOnElsewhereIsCompleted() throws {
    let prompt = try Self.prompt.get()
    let runner = try busyRunner(prompt)
    _ = try step(runner, 30, prompt, 0..<70, cells: 1200)
    _ = try runner.evaluate(prompt[70..<100], sequence: 2, from: 70)
    let row = try step(runner, 31, prompt, 100..<180, cells: 1200)
    #expect(try runner.continueGreedily(sequence: 2, from: 180, row: row, count: Self.steps) == Self.expected.get())
  }

  private static func runnerWithoutStage() throws -> LlamaRunner {
    var load: EngineLoad = TestModel.load(contextLength: 4096)
    load.configuration.evalBatchSize = 512
    return try #require(try LlamaBackend.load(load, progress: { _ in true }).makeRunner() as? LlamaRunner)
  }

  /// Waits for the stage that is being made; a step takes it.
  private func takeStage(_ runner: LlamaRunner, _ prompt: [Int32]) throws {
    let maker = try #require(runner.stageMaker)
    maker.waitUntilMade()
    _ = try step(runner, 3, prompt, 0..<0, cells: 512)
    #expect(runner.stage != nil)
    #expect(!runner.isMakingStage)
  }

  /// Steps that only share are not held up; the engine's next rest is the time.
  @Test func isMadeWhenTheEngineRests() throws {
    let prompt = try Self.prompt.get()
    let runner = try Self.runnerWithoutStage()
    _ = try step(runner, 0, prompt, 0..<1, cells: 255)
    runner.idle()
    #expect(!runner.isMakingStage)
    _ = try step(runner, 1, prompt, 1..<2, cells: 256)
    #expect(!runner.isMakingStage)
    runner.idle()
    #expect(runner.isMakingStage)
    // A step before that ends the waiting.
    _ = try step(runner, 2, prompt, 2..<3, cells: 256)
    #expect(!runner.isMakingStage)
    runner.idle()
    try takeStage(runner, prompt)
  }

  @Test func isMadeAtOnceForALongPrompt() throws {
    let prompt = try Self.prompt.get() + Self.prompt.get()
    let runner = try Self.runnerWithoutStage()
    _ = try step(runner, 0, prompt, 0..<192, cells: 1200)
    _ = try step(runner, 1, prompt, 192..<256, cells: 1200)
    #expect(!runner.isMakingStage)
    _ = try step(runner, 2, prompt, 256..<320, cells: 1200)
    #expect(runner.isMakingStage)
    try takeStage(runner, prompt)
  }

  @Test(arguments: [130, 90, 20])
  func cutWhereverItLies(place: Int) throws {
    let prompt = try Self.prompt.get()
    let runner = try busyRunner(prompt)
    runner.copySequence(1, to: 2, count: 40)
    _ = try step(runner, 30, prompt, 40..<140, cells: 1200)
    #expect(runner.trimSequence(2, from: place))
    let row = try step(runner, 31, prompt, place..<180, cells: 1200)
    #expect(try runner.continueGreedily(sequence: 2, from: 180, row: row, count: Self.steps) == Self.expected.get())
  }

  @Test func forgottenOneLeavesNothing() throws {
    let prompt = try Self.prompt.get()
    let runner = try busyRunner(prompt)
    _ = try step(runner, 30, prompt, 0..<140, cells: 1200)
    #expect(runner.trimSequence(2, from: 0))
    #expect(runner.stage?.isEmpty == true)
    let row = try step(runner, 31, prompt, 0..<180, cells: 1200)
    #expect(try runner.continueGreedily(sequence: 2, from: 180, row: row, count: Self.steps) == Self.expected.get())
  }

  @Test func othersMakeRoomForTheOneThatGoesOn() throws {
    let prompt = try Self.prompt.get()
    let runner = try busyRunner(prompt)
    _ = try step(runner, 30, prompt, 0..<140, cells: 1200)
    var batch = Batch(capacity: 512)
    batch.cellsInUse = 1400
    for (row, token) in prompt[..<100].enumerated() {
      batch.append(token: token, position: row, sequence: 5, logits: false)
    }
    try runner.decode(batch)
    #expect(runner.stage?.holds(5) == true)
    #expect(runner.stage?.holds(2) == false)
    let row = try runner.evaluate(prompt[140...], sequence: 2, from: 140)
    #expect(try runner.continueGreedily(sequence: 2, from: 180, row: row, count: Self.steps) == Self.expected.get())
  }
}
