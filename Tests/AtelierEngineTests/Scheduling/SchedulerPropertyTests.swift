import AtelierCore
import AtelierEngine
import AtelierTesting
import Testing

/// Any history of submits, cancels and shortages: the memory is accounted for exactly (checked by the driver after every
/// step), everybody ends, and tokens depend on nothing but the request.
struct SchedulerPropertyTests {
  private static func alone(_ request: SequenceRequest, vocabulary: Int) throws -> [Int32] {
    var driver = SchedulerDriver(
      ScriptedRunner(cellCount: 512, maxBatchRows: 512, maxSequences: 1, vocabularySize: vocabulary),
      EngineConfiguration(parallel: 1, promptTokensPerStep: 512))
    try driver.submit(request)
    driver.finish()
    return driver.records[request.id]?.tokens ?? []
  }

  @Test(arguments: 0..<40)
  func everyoneIsServedRightly(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let runner = ScriptedRunner(
      cellCount: Int.random(in: 40...160, using: &random), maxBatchRows: Int.random(in: 4...64, using: &random),
      maxSequences: Int.random(in: 1...10, using: &random),
      prefixReuse: seed % 4 == 3 ? .wholeSequences : .anyPrefix)
    var driver = SchedulerDriver(
      runner,
      EngineConfiguration(
        parallel: Int.random(in: 1...8, using: &random), maxWaiting: 6,
        promptTokensPerStep: Int.random(in: 1...40, using: &random),
        targetStepMilliseconds: Double.random(in: 1...50, using: &random)))
    let texts = (0..<3).map { TokenText.random(39, seed: seed * 10 + $0) }
    var requests: [UInt64: SequenceRequest] = [:]
    var cancelled: Set<UInt64> = []
    var nextID: UInt64 = 1
    var submittedAt: [UInt64: Int] = [:]
    for _ in 0..<300 {
      if Int.random(in: 0..<3, using: &random) == 0 {
        let text = texts.randomElement(using: &random) ?? []
        let prompt =
          text.prefix(Int.random(in: 0...30, using: &random))
          + TokenText.random(Int.random(in: 1...8, using: &random), seed: nextID % 3)
        let request = SchedulerDriver.request(
          nextID, Array(prompt), maxTokens: Int.random(in: 0...60, using: &random),
          temperature: Bool.random(using: &random) ? 0.8 : 0, cacheable: Int.random(in: 0..<5, using: &random) > 0)
        do {
          try driver.submit(request)
          requests[nextID] = request
          submittedAt[nextID] = driver.steps
        } catch {
          #expect(error.code == .serverBusy)
        }
        nextID += 1
      }
      if Int.random(in: 0..<12, using: &random) == 0,
        let id = requests.keys.filter({ driver.records[$0]?.end == nil }).sorted().randomElement(using: &random)
      {
        driver.cancel(id)
        cancelled.insert(id)
      }
      if driver.scheduler.hasWork { driver.step() }
    }
    driver.finish("somebody starves")
    driver.step()

    for (id, request) in requests {
      let record = try #require(driver.records[id])
      let expected = try Self.alone(request, vocabulary: runner.vocabularySize)
      if cancelled.contains(id) {
        #expect(record.tokens == Array(expected.prefix(record.tokens.count)))
        #expect(record.end != nil)
      } else {
        let shown = record.end == .contextFull ? Array(expected.prefix(record.tokens.count)) : expected
        #expect(record.tokens == shown)
        #expect(record.end == .maxTokens || record.end == .endOfText || record.end == .contextFull)
        if record.end == .contextFull { #expect(request.prompt.count + record.tokens.count == runner.cellCount) }
      }
    }
    #expect(driver.scheduler.liveCount == 0)
    #expect(driver.scheduler.cache.pinnedCells == 0, "a reference was not given back")
    #expect(driver.scheduler.cache.usedNumbers == driver.scheduler.cache.entryCount)
    while driver.scheduler.cache.entryCount > 0 { _ = driver.scheduler.makeRoomAfterRefusal() }
    driver.step()
    #expect(driver.scheduler.cache.tree.cells == 0)
    #expect(runner.usedCells == 0)
  }

  @Test(arguments: [1, 3, 7, 64], [1, 5, 64])
  func chunksDoNotMatter(chunk: Int, rows: Int) throws {
    let request = SchedulerDriver.request(5, TokenText.random(50, seed: 5), maxTokens: 20, temperature: 1)
    let expected = try Self.alone(request, vocabulary: 32)
    var driver = SchedulerDriver(
      ScriptedRunner(maxBatchRows: rows), EngineConfiguration(parallel: 1, promptTokensPerStep: chunk))
    try driver.submit(request)
    driver.finish()
    #expect(driver.records[5]?.tokens == expected)
    // Again, now from the cache.
    try driver.submit(request)
    driver.finish()
    #expect(driver.records[5]?.tokens == expected)
    #expect(driver.records[5]?.cached == 49)
  }
}
