import AtelierCore
import AtelierEngine
import AtelierTesting
import Testing

struct SchedulerFairnessTests {
  private func driver(parallel: Int, prompt: Int = 64) -> SchedulerDriver {
    let runner = ScriptedRunner(cellCount: 4096, maxBatchRows: 512, maxSequences: 16)
    runner.endPenalty = 1000
    return SchedulerDriver(runner, EngineConfiguration(parallel: parallel, promptTokensPerStep: prompt))
  }

  private func submit(_ ids: ClosedRange<UInt64>, client: UInt64, to driver: inout SchedulerDriver) throws {
    for id in ids {
      try driver.submit(
        SchedulerDriver.request(id, TokenText.random(10, seed: id), maxTokens: 5, client: client))
    }
  }

  private func order(_ driver: SchedulerDriver) -> [UInt64] {
    driver.records.keys.sorted { left, right in
      (driver.records[left]?.firstTokenAtStep ?? .max, left) < (driver.records[right]?.firstTokenAtStep ?? .max, right)
    }
  }

  @Test func clientsTakeTurns() throws {
    var driver = driver(parallel: 1)
    try submit(1...4, client: 7, to: &driver)
    driver.step()
    try submit(11...12, client: 8, to: &driver)
    try submit(21...21, client: 9, to: &driver)
    driver.finish()
    #expect(order(driver) == [1, 11, 21, 2, 12, 3, 4])
    #expect(driver.scheduler.clientCount == 0)
  }

  @Test func whoHasNothingRunningComesFirst() throws {
    var driver = driver(parallel: 2)
    try submit(1...5, client: 7, to: &driver)
    driver.step()
    try submit(11...12, client: 8, to: &driver)
    driver.finish()
    // Both places become free at once: one each.
    #expect(Set(order(driver).prefix(4)) == [1, 2, 3, 11])
    #expect(Set(order(driver).dropFirst(4).prefix(2)) == [4, 12])
  }

  @Test func oneClientsRequestsKeepTheirOrder() throws {
    var driver = driver(parallel: 1)
    try driver.submit(SchedulerDriver.request(1, TokenText.random(30, seed: 1), maxTokens: 1))
    try driver.submit(SchedulerDriver.request(2, TokenText.random(200, seed: 2), maxTokens: 1))
    try driver.submit(SchedulerDriver.request(3, TokenText.random(10, seed: 3), maxTokens: 1))
    driver.finish()
    #expect(order(driver) == [3, 1, 2], "shortest first")
  }

  /// The long prompt is so old that it comes first, and there is still much of it.
  @Test(arguments: [100, 400, 700, 900])
  func aLongPromptBlocksNoFirstTokenForMoreThanABatch(done: Int) throws {
    var driver = driver(parallel: 4)
    try driver.submit(SchedulerDriver.request(1, TokenText.random(1000, seed: 1), maxTokens: 1, client: 1))
    while driver.runner.rowsComputed < done { driver.step() }
    #expect(driver.records[1]?.end == nil)
    try driver.submit(SchedulerDriver.request(2, TokenText.random(30, seed: 2), maxTokens: 1, client: 2))
    let start = driver.steps
    while driver.records[2]?.firstTokenAtStep == nil { driver.step() }
    #expect(driver.steps - start == 1)
    driver.finish()
    #expect(driver.records[1]?.end == .maxTokens)
  }

  @Test func whoWaitsTooLongIsToldSo() throws {
    var driver = driver(parallel: 1)
    try submit(1...1, client: 1, to: &driver)
    driver.step()
    try driver.submit(SchedulerDriver.request(2, [1, 2, 3], maxTokens: 5), now: 10)
    try driver.submit(SchedulerDriver.request(3, [1, 2, 3], maxTokens: 5), now: 20)
    driver.endWaiting(submittedBefore: 10)
    #expect(driver.records[2]?.end == nil)
    driver.endWaiting(submittedBefore: 15)
    #expect(driver.records[2]?.end == .waitedTooLong)
    #expect(driver.records[1]?.end == nil, "has its turn")
    driver.finish()
    #expect(driver.records[3]?.end == .maxTokens)
  }
}
