import AtelierEngine
import AtelierTesting
import Testing

struct ParkingTests {
  private func cache(
    sequences: Int = 8, cells: Int = 2000, bytes: Int = 10_000, worth: Int = 8
  ) -> PrefixCache {
    PrefixCache(
      cellCount: cells, maxSequences: sequences, reuse: .anyPrefix,
      parking: ParkingLimits(bytes: bytes, idleCells: 0, worth: worth))
  }

  /// Runs a sequence and leaves it as an entry. Returns the cached tokens.
  @discardableResult
  private func add(_ tokens: [Int32], to cache: inout PrefixCache) -> Int? {
    guard let (number, cached) = cache.begin(tokens, keep: true) else { return nil }
    cache.append(tokens[cached...], to: number)
    cache.finish(number)
    return cached
  }

  /// Moves all idle sequences out; every one takes a byte a cell.
  private func parkAll(_ cache: inout PrefixCache) {
    for _ in 0..<20 { cache.parkIdle(beyond: 0) }
    for case .park(let segment, _, let start) in cache.actions {
      cache.noteParked(segment, bytes: 200 - min(200, start))
    }
  }

  private func text(_ range: Range<Int32>) -> [Int32] { Array(range) }

  @Test func leastRecentlyUsedLeavesFirst() {
    var cache = cache()
    add(text(0..<100), to: &cache)
    add(text(500..<600), to: &cache)
    cache.actions.removeAll()
    cache.parkIdle(beyond: 150)
    #expect(cache.actions == [.park(segment: 1, sequence: 0, from: 0), .forget(sequence: 0)])
    #expect(cache.tree.cells == 100)
    cache.parkIdle(beyond: 150)
    #expect(cache.tree.cells == 100, "few enough are left")
  }

  @Test func comesBackForWhoContinuesIt() throws {
    var cache = cache()
    add(text(0..<100), to: &cache)
    parkAll(&cache)
    cache.actions.removeAll()
    #expect(cache.match(text(0..<120)).depth == 0)
    #expect(cache.reach(text(0..<120)) == 100)
    let begun = cache.begin(text(0..<120), keep: true)
    let (number, cached) = try #require(begun)
    #expect(cached == 100)
    #expect(cache.actions == [.unpark(segment: 1, sequence: number, positions: 0..<100)])
    #expect(cache.tree.length(of: number) == 100)
  }

  @Test func lastTokenIsAlwaysComputed() throws {
    var cache = cache()
    add(text(0..<100), to: &cache)
    parkAll(&cache)
    let begun = cache.begin(text(0..<100), keep: true)
    #expect(try #require(begun).cached == 99)
  }

  @Test func branchTakesWhatItShares() throws {
    var cache = cache()
    add(text(0..<100), to: &cache)
    parkAll(&cache)
    let begun = cache.begin(text(0..<60) + text(900..<950), keep: true)
    #expect(try #require(begun).cached == 60)
    #expect(cache.actions.last == .unpark(segment: 1, sequence: 0, positions: 0..<60))
  }

  @Test func littleIsNotWorthACopy() throws {
    var cache = cache(worth: 32)
    add(text(0..<100), to: &cache)
    parkAll(&cache)
    #expect(cache.reach(text(0..<31) + [7]) == 0)
    let begun = cache.begin(text(0..<31) + [7], keep: true)
    #expect(try #require(begun).cached == 0)
    add(text(700..<720), to: &cache)
    cache.actions.removeAll()
    cache.parkIdle(beyond: 0)
    #expect(cache.actions.isEmpty)
  }

  @Test func nextTurnAddsOnlyWhatIsNew() throws {
    var cache = cache()
    add(text(0..<100), to: &cache)
    parkAll(&cache)
    add(text(0..<150), to: &cache)
    cache.actions.removeAll()
    parkAll(&cache)
    #expect(cache.actions.first == .park(segment: 2, sequence: 0, from: 100))
    cache.actions.removeAll()
    let begun = cache.begin(text(0..<200), keep: true)
    #expect(try #require(begun).cached == 150)
    #expect(
      cache.actions == [
        .unpark(segment: 1, sequence: 0, positions: 0..<100), .unpark(segment: 2, sequence: 0, positions: 100..<150),
      ])
  }

  @Test func sharedBeginningStaysForTheOthers() throws {
    var cache = cache()
    add(text(0..<100) + text(200..<240), to: &cache)
    let begun = cache.begin(text(0..<100) + text(300..<310), keep: true)
    let (running, cached) = try #require(begun)
    #expect(cached == 100)
    cache.actions.removeAll()
    cache.parkIdle(beyond: 0)
    #expect(cache.actions.first == .park(segment: 1, sequence: 0, from: 100))
    #expect(cache.tree.cells == 100)
    // And is kept with whoever holds it last.
    cache.finish(running)
    cache.actions.removeAll()
    cache.parkIdle(beyond: 0)
    #expect(cache.actions.first == .park(segment: 2, sequence: running, from: 0))
    #expect(cache.reach(text(0..<100) + text(200..<240) + [7]) == 140)
  }

  @Test func shortBeginningIsKeptTwice() throws {
    var cache = cache()
    add(text(0..<20) + text(200..<240), to: &cache)
    _ = cache.begin(text(0..<20) + text(300..<310), keep: true)
    cache.actions.removeAll()
    cache.parkIdle(beyond: 0)
    #expect(cache.actions.first == .park(segment: 1, sequence: 0, from: 0))
  }

  @Test func longerOneReplacesShorterOne() {
    var cache = cache(sequences: 3)
    add(text(0..<40), to: &cache)
    parkAll(&cache)
    // Computed apart from what lies in host memory, as too little of it was shared at the time.
    add(text(0..<50), to: &cache)
    cache.loseParked(1)
    add(text(0..<90), to: &cache)
    parkAll(&cache)
    #expect(cache.parkedCount == 1)
  }

  @Test func oldestGoBeyondTheBytes() {
    var cache = cache(bytes: 450)
    for place in 0..<4 {
      add(text(Int32(place * 1000)..<Int32(place * 1000 + 100)), to: &cache)
      cache.actions.removeAll()
      parkAll(&cache)
    }
    #expect(cache.parkedCount == 2)
    #expect(cache.parkedBytes == 400)
    #expect(cache.reach(text(0..<101)) == 0)
    #expect(cache.reach(text(3000..<3101)) == 100)
    #expect(cache.actions.contains(.release(segment: 2)))
  }

  /// A stretch comes back whole before what is not needed of it is cut away.
  @Test func partOfALongStretchNeedsRoomForAll() throws {
    for (running, cached) in [(90, 60), (110, 0)] {
      var cache = cache(cells: 300)
      add(text(0..<200), to: &cache)
      parkAll(&cache)
      let begun = cache.begin(text(1000..<1200), keep: true)
      let (number, _) = try #require(begun)
      cache.append(text(1000..<1000 + Int32(running))[...], to: number)
      let branch = cache.begin(text(0..<60) + text(700..<720), keep: true)
      #expect(try #require(branch).cached == cached)
      #expect(cache.parkedCount == 1, "it stays for others")
    }
  }

  @Test func whatIsLargerThanAllowedStaysInItsCells() {
    var cache = PrefixCache(
      cellCount: 2000, maxSequences: 4, reuse: .anyPrefix,
      parking: ParkingLimits(bytes: 1000, cellBytes: 10, idleCells: 0, worth: 8))
    add(text(0..<100), to: &cache)
    add(text(500..<530), to: &cache)
    cache.actions.removeAll()
    cache.parkIdle(beyond: 0)
    #expect(cache.actions == [.park(segment: 1, sequence: 1, from: 0), .forget(sequence: 1)])
    cache.parkIdle(beyond: 0)
    #expect(cache.reach(text(0..<101)) == 100)
    #expect(cache.tree.cells == 100)
  }

  @Test func oldOnesGoBeforeNewOnesCome() {
    var cache = PrefixCache(
      cellCount: 2000, maxSequences: 4, reuse: .anyPrefix,
      parking: ParkingLimits(bytes: 2000, cellBytes: 10, idleCells: 0, worth: 8))
    for place in 0..<3 {
      add(text(Int32(place * 1000)..<Int32(place * 1000 + 90)), to: &cache)
      cache.actions.removeAll()
      cache.parkIdle(beyond: 0)
      #expect(cache.parkedBytes <= 2000)
    }
    #expect(cache.actions.prefix(2) == [.release(segment: 1), .park(segment: 3, sequence: 0, from: 0)])
  }

  @Test func whatCannotBeKeptIsForgotten() {
    var cache = cache()
    for place in 0..<3 {
      add(text(Int32(place * 1000)..<Int32(place * 1000 + 100)), to: &cache)
      cache.parkIdle(beyond: 0)
      cache.noteParked(UInt64(place + 1), bytes: nil)
    }
    #expect(cache.parkedCount == 0)
    add(text(5000..<5100), to: &cache)
    cache.actions.removeAll()
    cache.parkIdle(beyond: 0)
    #expect(cache.actions.isEmpty, "it does not go on trying")
    #expect(cache.reach(text(5000..<5100) + [7]) == 100)
  }

  @Test func entriesThatGiveWayAreParked() throws {
    var cache = cache(cells: 150)
    add(text(0..<100), to: &cache)
    let begun = cache.begin(text(500..<600), keep: true)
    let (number, _) = try #require(begun)
    cache.actions.removeAll()
    let hasRoom = cache.makeRoom(100)
    #expect(hasRoom)
    #expect(cache.actions.first == .park(segment: 1, sequence: 0, from: 0))
    cache.append(text(500..<600)[...], to: number)
    cache.finish(number)
    #expect(cache.reach(text(0..<101)) == 100)
  }

  @Test func pictureStaysInItsCells() {
    var cache = cache()
    add(text(0..<50) + Array(repeating: -5, count: 20) + text(60..<90), to: &cache)
    cache.actions.removeAll()
    cache.parkIdle(beyond: 0)
    #expect(cache.actions.isEmpty)
  }

  /// Idle sequences go in steps without prompts, and what comes back gives the same text.
  @Test func generationPushesIdleOnesOut() throws {
    let runner = ScriptedRunner(cellCount: 1000, maxSequences: 8)
    runner.parking = ParkingLimits(bytes: 10_000, idleCells: 40, worth: 8)
    runner.endPenalty = 1000
    var driver = SchedulerDriver(runner)
    let prompt = TokenText.random(100, seed: 1)
    try driver.submit(SchedulerDriver.request(1, prompt, maxTokens: 10))
    driver.finish()
    #expect(runner.parkedSegments.isEmpty)
    try driver.submit(SchedulerDriver.request(2, TokenText.random(50, seed: 2), maxTokens: 4))
    driver.finish()
    #expect(runner.parkedSegments == [1])
    #expect(runner.usedCells < 60)
    let computed = runner.rowsComputed
    try driver.submit(SchedulerDriver.request(3, prompt, maxTokens: 10))
    driver.finish()
    #expect(driver.records[3]?.cached == 99)
    #expect(runner.rowsComputed - computed == 10)
    #expect(driver.records[3]?.tokens == driver.records[1]?.tokens)
  }

  @Test func failedReturnIsComputedAnew() throws {
    let runner = ScriptedRunner(cellCount: 1000, maxSequences: 8)
    runner.parking = ParkingLimits(bytes: 10_000, idleCells: 0, worth: 8)
    runner.endPenalty = 1000
    var driver = SchedulerDriver(runner)
    let prompt = TokenText.random(100, seed: 1)
    try driver.submit(SchedulerDriver.request(1, prompt, maxTokens: 10))
    driver.finish()
    try driver.submit(SchedulerDriver.request(2, TokenText.random(50, seed: 2), maxTokens: 4))
    driver.finish()
    runner.failsNextUnpark = true
    try driver.submit(SchedulerDriver.request(3, prompt, maxTokens: 10))
    driver.finish()
    #expect(driver.records[3]?.tokens == driver.records[1]?.tokens)
    #expect(!runner.parkedSegments.contains(1))
  }
}
