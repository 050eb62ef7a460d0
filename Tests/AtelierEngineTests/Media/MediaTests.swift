import AtelierCore
import AtelierEngine
import AtelierTesting
import Testing

/// Prompts with pictures, on a runner that refuses rows in a wrong order, divided pictures that must not be divided, and
/// tokens beside a picture in one sequence.
struct MediaTests {
  private static let cat = PicturePrompt.embedding(-1, rows: 12)
  private static let dog = PicturePrompt.embedding(-2, rows: 12)

  private func driver(
    cells: Int = 256, rows: Int = 64, parallel: Int = 4, prompt: Int = 64, reuse: PrefixReuse = .anyPrefix
  ) -> SchedulerDriver {
    SchedulerDriver(
      ScriptedRunner(cellCount: cells, maxBatchRows: rows, prefixReuse: reuse),
      EngineConfiguration(parallel: parallel, promptTokensPerStep: prompt))
  }

  /// What the prompt's tokens and rows, in their order, make the runner say first.
  private func first(_ runner: ScriptedRunner, after tokens: [Int32]) -> Int32? {
    let logits = runner.logits(after: tokens)
    return logits.indices.max { logits[$0] < logits[$1] }.map { Int32($0) }
  }

  @Test func textsAndPicturesAreComputedInTheirOrder() throws {
    var driver = driver(prompt: 8)
    driver.runner.endPenalty = 1000
    let prompt = PicturePrompt().text([1, 2, 3]).picture(Self.cat).picture(Self.dog).text([4]).picture(Self.cat)
      .text([5, 6])
    try driver.submit(prompt.request(1, maxTokens: 1))
    driver.finish()
    #expect(driver.records[1]?.tokens == first(driver.runner, after: prompt.tokens).map { [$0] })
    #expect(driver.records[1]?.processed == [0, 3, 11, 15, 23, 27, 28, 36, 40, 42])
  }

  @Test func aPictureWhoseRowsSeeEachOtherIsNotDivided() throws {
    var driver = driver(rows: 16, prompt: 4)
    let prompt = PicturePrompt().text([1]).picture(PicturePrompt.embedding(-1, rows: 16, isWhole: true)).text([2])
    try driver.submit(prompt.request(1))
    driver.finish()
    #expect(driver.records[1]?.processed == [0, 1, 17, 18])
  }

  @Test func picturesThatCannotBeComputedAreRefused() {
    var driver = driver(rows: 16)
    let tooMany = PicturePrompt().text([1]).picture(PicturePrompt.embedding(-1, rows: 17, isWhole: true)).text([2])
    let atTheEnd = PicturePrompt().text([1]).picture(Self.cat)
    var misplaced = PicturePrompt().text([1]).picture(Self.cat).text([2]).request(1)
    misplaced.media[0].start = 0
    var unexplained = PicturePrompt().text([1]).picture(Self.cat).text([2]).request(1)
    unexplained.media = []
    for request in [tooMany.request(1), atTheEnd.request(1), misplaced, unexplained] {
      do {
        try driver.submit(request)
        Issue.record("took \(request.prompt)")
      } catch {
        #expect(error.code == .invalidValue)
      }
    }
  }

  @Test func aKnownPictureIsNotComputedAgain() throws {
    var driver = driver()
    let start = PicturePrompt().text([1, 2, 3]).picture(Self.cat)
    try driver.submit(start.text([4, 5]).request(1, maxTokens: 0))
    driver.finish()
    try driver.submit(start.text([6, 7]).request(2, maxTokens: 0))
    driver.finish()
    #expect(driver.records[2]?.cached == 15)
    try driver.submit(PicturePrompt().text([1, 2, 3]).picture(Self.dog).text([4, 5]).request(3, maxTokens: 0))
    driver.finish()
    #expect(driver.records[3]?.cached == 3, "another picture")
  }

  @Test(arguments: [PrefixReuse.anyPrefix, .checkpoints(CheckpointLimits(count: 0, bytes: 0))])
  func aPrefixDoesNotEndAmongAPicturesRows(reuse: PrefixReuse) throws {
    var driver = driver(prompt: 4, reuse: reuse)
    let prompt = PicturePrompt().text([1, 2, 3]).picture(Self.cat).text([4, 5])
    try driver.submit(prompt.request(1))
    driver.step()
    driver.step()
    driver.cancel(1)
    #expect(driver.records[1]?.processed == [0, 3, 7])
    try driver.submit(prompt.request(2))
    driver.finish()
    #expect(driver.records[2]?.cached == (reuse == .anyPrefix ? 3 : 0))
    #expect(driver.records[2]?.end != nil)
  }

  @Test func equalPicturesSideBySideAreReusedSafely() throws {
    var driver = driver()
    let twice = PicturePrompt().text([1]).picture(Self.cat).picture(Self.cat)
    try driver.submit(twice.text([2, 3]).request(1, maxTokens: 1))
    driver.finish()
    let once = PicturePrompt().text([1]).picture(Self.cat)
    for (id, prompt) in [
      (UInt64(2), once.text([2, 3])), (3, twice.text([4, 5])), (4, once.picture(Self.dog).text([2])),
    ] {
      try driver.submit(prompt.request(id, maxTokens: 1))
      driver.finish()
      #expect(driver.records[id]?.tokens == first(driver.runner, after: prompt.tokens).map { $0 == 0 ? [] : [$0] })
    }
    #expect(driver.records[3]?.cached == 25)
  }

  @Test func whoGaveWayInsideAPictureSaysTheSame() throws {
    let old = PicturePrompt().text(TokenText.random(10, seed: 1)).request(1, maxTokens: 40)
    let young = PicturePrompt().text([1, 2]).picture(Self.cat).text([3]).picture(Self.dog).text([4, 5])
      .request(2, maxTokens: 12)
    var roomy = driver(cells: 512)
    roomy.runner.endPenalty = 1000
    var tight = driver(cells: 60, prompt: 3)
    tight.runner.endPenalty = 1000
    for request in [old, young] {
      try roomy.submit(request)
      try tight.submit(request)
    }
    roomy.finish()
    tight.finish()
    for id in [UInt64(1), 2] { #expect(tight.records[id]?.tokens == roomy.records[id]?.tokens) }
  }
}
