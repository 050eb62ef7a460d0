import AtelierEngine
import AtelierTesting
import Testing

/// The scheduler on a memory that cannot be cut. That a state fits the tokens it is used for is checked by the runner.
struct SchedulerCheckpointTests {
  private func driver(
    cells: Int = 4096, sequences: Int = 10, limits: CheckpointLimits = CheckpointLimits(bytes: 10_000),
    _ configuration: EngineConfiguration = EngineConfiguration()
  ) -> SchedulerDriver {
    let runner = ScriptedRunner(
      cellCount: cells, maxBatchRows: 512, maxSequences: sequences, prefixReuse: .checkpoints(limits))
    runner.endPenalty = 1000
    return SchedulerDriver(runner, configuration)
  }

  @Test func aTurnThatIsRenderedDifferentlyReusesThePromptBeforeIt() throws {
    var driver = driver()
    let prompt = TokenText.random(200, seed: 1)
    try driver.submit(SchedulerDriver.request(1, prompt, maxTokens: 20))
    driver.finish()
    // The same prompt again, and one whose answer came back with other tokens.
    try driver.submit(SchedulerDriver.request(2, prompt, maxTokens: 20))
    driver.finish()
    #expect(driver.records[2]?.cached == 192)
    #expect(driver.records[2]?.tokens == driver.records[1]?.tokens)
    let answer = (driver.records[1]?.tokens ?? []).dropLast(4)
    try driver.submit(SchedulerDriver.request(3, prompt + answer + TokenText.random(30, seed: 2), maxTokens: 5))
    driver.finish()
    #expect(driver.records[3]?.cached == 192)
    // The exact continuation goes on where it ended.
    try driver.submit(
      SchedulerDriver.request(4, prompt + (driver.records[1]?.tokens ?? []) + TokenText.random(30, seed: 3)))
    driver.finish()
    #expect(driver.records[4]?.cached == 219)
  }

  @Test func whatTwoPromptsShareAThirdOneFindsWhole() throws {
    var driver = driver()
    let shared = TokenText.random(150, seed: 1)
    for id: UInt64 in 1...3 {
      try driver.submit(SchedulerDriver.request(id, shared + TokenText.random(100, seed: 10 + id), maxTokens: 3))
      driver.finish()
    }
    #expect((1...3).map { driver.records[$0]?.cached } == [0, 0, 150])
  }

  @Test func simultaneousRequestsShareAPrefixThatIsBeingComputed() throws {
    var driver = driver(EngineConfiguration(parallel: 4, promptTokensPerStep: 64))
    let shared = TokenText.random(150, seed: 1)
    for id: UInt64 in 1...4 {
      try driver.submit(SchedulerDriver.request(id, shared + TokenText.random(50, seed: 10 + id), maxTokens: 2))
    }
    driver.finish()
    #expect((1...4).map { driver.records[$0]?.cached } == [0, 150, 150, 150])
    #expect(driver.runner.rowsComputed < 150 + 4 * 60)
  }

  @Test func aLongTextGetsCheckpointsAtRegularDistances() throws {
    var driver = driver(cells: 16_384)
    try driver.submit(SchedulerDriver.request(1, TokenText.random(9000, seed: 1), maxTokens: 3000))
    driver.finish()
    #expect((8...16).contains(driver.scheduler.cache.checkpointCount))
    let text = TokenText.random(9000, seed: 1) + (driver.records[1]?.tokens ?? [])
    for cut in [5000, 8990, 11_000] {
      let depth = driver.scheduler.cache.match(Array(text[..<cut]) + [0]).depth
      #expect(depth > cut - 1280 - 256)
    }
  }

  @Test func shortPromptsArePutInOnePiece() throws {
    var driver = driver()
    try driver.submit(SchedulerDriver.request(1, TokenText.random(30, seed: 1), maxTokens: 1))
    driver.step()
    #expect(driver.records[1]?.end == .maxTokens)
    #expect(driver.scheduler.cache.checkpointCount == 0)
  }

  @Test(arguments: [0, 128])
  func theYoungestGivesWayAndNoTokenChanges(checkpoints: Int) throws {
    let limits = CheckpointLimits(count: checkpoints, bytes: 10_000, spacing: 16, worth: 4)
    var alone: [UInt64: [Int32]] = [:]
    for id: UInt64 in 1...3 {
      var driver = driver(cells: 160, limits: limits)
      try driver.submit(SchedulerDriver.request(id, TokenText.random(30, seed: id), maxTokens: 60, temperature: 0.9))
      driver.finish()
      alone[id] = driver.records[id]?.tokens
    }
    var driver = driver(cells: 160, limits: limits)
    for id: UInt64 in 1...3 {
      try driver.submit(SchedulerDriver.request(id, TokenText.random(30, seed: id), maxTokens: 60, temperature: 0.9))
    }
    var gaveWay = false
    while driver.scheduler.hasWork, driver.steps < 1000 {
      let running = driver.scheduler.runningCount
      driver.step()
      if driver.scheduler.runningCount < running, driver.scheduler.waitingCount > 0 { gaveWay = true }
    }
    #expect(gaveWay)
    for id: UInt64 in 1...3 { #expect(driver.records[id]?.tokens == alone[id]) }
  }

  @Test func aStateThatCannotBeRestoredIsComputedAgain() throws {
    var driver = driver()
    let prompt = TokenText.random(200, seed: 1)
    for id: UInt64 in 1...2 {
      try driver.submit(SchedulerDriver.request(id, prompt, maxTokens: 20))
      driver.runner.failsNextRestore = id == 2
      driver.finish()
    }
    #expect(driver.records[2]?.tokens == driver.records[1]?.tokens)
    #expect(driver.records[2]?.end == .maxTokens)
  }
}
