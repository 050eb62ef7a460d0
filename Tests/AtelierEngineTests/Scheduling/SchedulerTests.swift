import AtelierCore
import AtelierEngine
import AtelierTesting
import Testing

struct SchedulerTests {
  private func configuration(
    parallel: Int = 4, maxWaiting: Int = 64, prompt: Int = 64, target: Double = 50
  ) -> EngineConfiguration {
    EngineConfiguration(
      parallel: parallel, maxWaiting: maxWaiting, promptTokensPerStep: prompt, targetStepMilliseconds: target)
  }

  @Test func reportsAPromptInPartsAndEndsAtTheLimit() throws {
    var driver = SchedulerDriver(ScriptedRunner(), configuration(prompt: 8))
    driver.runner.endPenalty = 1000
    try driver.submit(SchedulerDriver.request(1, TokenText.random(20, seed: 1), maxTokens: 3))
    driver.finish()
    #expect(driver.records[1]?.processed == [0, 8, 16, 20])
    #expect(driver.records[1]?.tokens.count == 3)
    #expect(driver.records[1]?.end == .maxTokens)
  }

  @Test func endsAtEndOfText() throws {
    var driver = SchedulerDriver(ScriptedRunner())
    driver.runner.endPenalty = -1000
    try driver.submit(SchedulerDriver.request(1, [1, 2, 3], maxTokens: nil))
    driver.finish()
    #expect(driver.records[1]?.tokens == [])
    #expect(driver.records[1]?.end == .endOfText)
  }

  @Test func generatesNothingWhenNothingIsWanted() throws {
    var driver = SchedulerDriver(ScriptedRunner())
    try driver.submit(SchedulerDriver.request(1, [1, 2, 3], maxTokens: 0))
    driver.finish()
    #expect(driver.records[1]?.processed.last == 3)
    #expect(driver.records[1]?.end == .maxTokens)
  }

  @Test func endsWhenTheContextIsFull() throws {
    var driver = SchedulerDriver(ScriptedRunner(cellCount: 32))
    driver.runner.endPenalty = 1000
    try driver.submit(SchedulerDriver.request(1, TokenText.random(20, seed: 1), maxTokens: nil))
    driver.finish()
    #expect(driver.records[1]?.end == .contextFull)
    #expect(driver.records[1]?.tokens.count == 12)
  }

  @Test func refusesWhatCannotBeServed() throws {
    var driver = SchedulerDriver(ScriptedRunner(cellCount: 32), configuration(parallel: 1, maxWaiting: 1))
    do {
      try driver.submit(SchedulerDriver.request(1, []))
      Issue.record("took an empty prompt")
    } catch {
      #expect(error.code == .invalidValue)
    }
    do {
      try driver.submit(SchedulerDriver.request(1, TokenText.random(32, seed: 1)))
      Issue.record("took a prompt that fills the context")
    } catch {
      #expect(error.code == .contextLengthExceeded)
      #expect(error.details["prompt_tokens"] == .integer(32))
      #expect(error.details["context_length"] == .integer(32))
    }
    try driver.submit(SchedulerDriver.request(1, [1]))
    try driver.submit(SchedulerDriver.request(2, [1]))
    do {
      try driver.submit(SchedulerDriver.request(3, [1]))
      Issue.record("took more than may wait")
    } catch {
      #expect(error.code == .serverBusy)
      #expect((1...60).contains(error.retryAfter ?? 0))
    }
    driver.finish()
    try driver.submit(SchedulerDriver.request(3, [1]))
  }

  @Test func generatesForEveryoneInEachStepBesideALongPrompt() throws {
    var driver = SchedulerDriver(ScriptedRunner(cellCount: 2048, maxBatchRows: 512), configuration(prompt: 512))
    driver.runner.endPenalty = 1000
    driver.milliseconds = { Double($0.decodeRows) * 2 + Double($0.promptRows) }
    for id in 1...3 {
      try driver.submit(SchedulerDriver.request(UInt64(id), TokenText.random(4, seed: UInt64(id)), maxTokens: 60))
    }
    while driver.lastPlan.decodeRows < 3 { driver.step() }
    try driver.submit(SchedulerDriver.request(9, TokenText.random(600, seed: 9), maxTokens: 1))
    var longest = 0
    while driver.records[9]?.end == nil {
      let generated = (1...3).map { driver.records[UInt64($0)]?.tokens.count ?? 0 }
      driver.step()
      for id in 1...3 { #expect(driver.records[UInt64(id)]?.tokens.count == generated[id - 1] + 1) }
      longest = max(longest, driver.lastPlan.promptRows)
    }
    // 44 rows fit the target; a step as wide as a tile of attention may exceed it by half, and the first one takes the rest.
    #expect(longest < 2 * PromptBudget.wideRows)
    #expect(longest >= 30)
  }

  @Test func servesTheShortestPromptFirst() throws {
    var driver = SchedulerDriver(ScriptedRunner(cellCount: 2048), configuration(prompt: 16))
    try driver.submit(SchedulerDriver.request(1, TokenText.random(400, seed: 1), maxTokens: 1))
    driver.step()
    try driver.submit(SchedulerDriver.request(2, TokenText.random(16, seed: 2), maxTokens: 1))
    driver.step()
    #expect(driver.records[2]?.end == .maxTokens)
    #expect(driver.records[1]?.end == nil)
    driver.finish()
  }

  @Test func aLongPromptIsNotStarvedByShortOnes() throws {
    var driver = SchedulerDriver(ScriptedRunner(cellCount: 2048), configuration(parallel: 2, prompt: 16))
    try driver.submit(SchedulerDriver.request(1, TokenText.random(200, seed: 1), maxTokens: 1))
    var id: UInt64 = 2
    while driver.records[1]?.end == nil, driver.steps < 200 {
      while driver.scheduler.liveCount < 5 {
        try driver.submit(SchedulerDriver.request(id, TokenText.random(15, seed: id), maxTokens: 1))
        id += 1
      }
      driver.step()
    }
    #expect(driver.records[1]?.end == .maxTokens)
    #expect(driver.steps < 60)
  }

  @Test func simultaneousRequestsShareAPrefixThatIsBeingComputed() throws {
    let shared = TokenText.random(150, seed: 1)
    var driver = SchedulerDriver(
      ScriptedRunner(cellCount: 1024), configuration(parallel: 8, prompt: 64))
    for id in 1...8 {
      try driver.submit(
        SchedulerDriver.request(UInt64(id), shared + TokenText.random(10, seed: 100 + UInt64(id)), maxTokens: 2))
    }
    driver.finish()
    #expect(driver.records[1]?.cached == 0)
    for id in 2...8 { #expect((driver.records[UInt64(id)]?.cached ?? 0) >= 150) }
    #expect(driver.runner.rowsComputed < 150 + 8 * 12 + 1)
  }

  @Test func followersGoOnWhenTheirLeaderIsCancelled() throws {
    let shared = TokenText.random(150, seed: 1)
    var driver = SchedulerDriver(ScriptedRunner(cellCount: 1024), configuration(prompt: 64))
    try driver.submit(SchedulerDriver.request(1, shared + [1]))
    try driver.submit(SchedulerDriver.request(2, shared + [2]))
    driver.step()
    driver.cancel(1)
    driver.finish()
    #expect(driver.records[1]?.end == .cancelled)
    #expect(driver.records[2]?.cached == 64)
    #expect(driver.records[2]?.end != nil)
  }

  @Test func aConversationContinuesWhereItEnded() throws {
    var driver = SchedulerDriver(ScriptedRunner())
    driver.runner.endPenalty = 1000
    let first = TokenText.random(30, seed: 1)
    try driver.submit(SchedulerDriver.request(1, first, maxTokens: 5))
    driver.finish()
    let second = first + (driver.records[1]?.tokens ?? []) + [7, 8]
    try driver.submit(SchedulerDriver.request(2, second, maxTokens: 5))
    driver.finish()
    #expect(driver.records[2]?.cached == 34, "the last generated token was never computed")
  }

  @Test func theYoungestGivesWayAndNoTokenChanges() throws {
    var alone: [UInt64: [Int32]] = [:]
    for id: UInt64 in 1...3 {
      var driver = SchedulerDriver(ScriptedRunner(cellCount: 100))
      driver.runner.endPenalty = 1000
      try driver.submit(SchedulerDriver.request(id, TokenText.random(10, seed: id), maxTokens: 50, temperature: 0.9))
      driver.finish()
      alone[id] = driver.records[id]?.tokens
    }
    var driver = SchedulerDriver(ScriptedRunner(cellCount: 100))
    driver.runner.endPenalty = 1000
    for id: UInt64 in 1...3 {
      try driver.submit(SchedulerDriver.request(id, TokenText.random(10, seed: id), maxTokens: 50, temperature: 0.9))
    }
    var gaveWay = false
    while driver.scheduler.hasWork, driver.steps < 1000 {
      let running = driver.scheduler.runningCount
      driver.step()
      if driver.scheduler.runningCount < running, driver.scheduler.waitingCount > 0 { gaveWay = true }
    }
    #expect(gaveWay)
    for id: UInt64 in 1...3 { #expect(driver.records[id]?.tokens == alone[id]) }
    let ends = (1...3).map { driver.records[UInt64($0)]?.finishedAtStep ?? 0 }
    #expect(ends[0] <= ends[1] && ends[1] <= ends[2], "the oldest never waits for a younger one")
    #expect(driver.records[3]?.processed == [0, 10], "the prompt is reported once")
  }

  @Test func whatGaveWayIsResumedBeforeAnythingNewAndNotTooEarly() throws {
    var driver = SchedulerDriver(ScriptedRunner(cellCount: 120))
    driver.runner.endPenalty = 1000
    for id: UInt64 in 1...2 {
      try driver.submit(SchedulerDriver.request(id, TokenText.random(30, seed: id), maxTokens: 70))
    }
    repeat { driver.step() } while driver.scheduler.waitingCount == 0 && driver.steps < 200
    #expect(driver.records[2]?.end == nil)
    try driver.submit(SchedulerDriver.request(3, [1, 2], maxTokens: 1))
    driver.finish()
    #expect((driver.records[3]?.firstTokenAtStep ?? 0) > (driver.records[1]?.finishedAtStep ?? .max))
    #expect(driver.runner.rowsComputed < 2 * 100 + 3 + 70, "resumed more than once")
  }

  @Test func aLeaderIsAsUrgentAsItsFollowers() throws {
    let shared = TokenText.random(40, seed: 1)
    var driver = SchedulerDriver(ScriptedRunner(cellCount: 2048), configuration(prompt: 16))
    try driver.submit(SchedulerDriver.request(1, shared + TokenText.random(400, seed: 2), maxTokens: 1))
    driver.step()
    try driver.submit(SchedulerDriver.request(2, shared + [1, 2], maxTokens: 1))
    try driver.submit(SchedulerDriver.request(3, TokenText.random(100, seed: 3), maxTokens: 1))
    driver.finish()
    #expect(driver.records[2]?.cached == 40)
    #expect((driver.records[2]?.finishedAtStep ?? .max) < (driver.records[3]?.finishedAtStep ?? 0))
    #expect((driver.records[3]?.finishedAtStep ?? .max) < (driver.records[1]?.finishedAtStep ?? 0))
  }

  @Test func aRefusedStepMakesRoom() throws {
    var driver = SchedulerDriver(ScriptedRunner())
    try driver.submit(SchedulerDriver.request(1, [1, 2, 3]))
    try driver.submit(SchedulerDriver.request(2, [4, 5, 6]))
    driver.step()
    driver.runner.nextError = .outOfCells
    driver.finish()
    #expect(driver.records[1]?.end != nil)
    #expect(driver.records[2]?.end != nil)
  }

  @Test func aFailedStepEndsItsSequencesAndKeepsNothing() throws {
    var driver = SchedulerDriver(ScriptedRunner())
    try driver.submit(SchedulerDriver.request(1, [1, 2, 3]))
    driver.step()
    driver.runner.nextError = .failed("broken")
    driver.step()
    driver.finish()
    guard case .failed = driver.records[1]?.end else {
      Issue.record("\(String(describing: driver.records[1]?.end))")
      return
    }
    #expect(driver.scheduler.cache.tree.cells == 0)
    #expect(driver.runner.usedCells == 0)
  }
}
