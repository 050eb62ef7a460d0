import AtelierEngine
import Testing

struct CheckpointTests {
  @Test(arguments: [1, 5, 31, 32, 33, 100, 500, 511, 520, 3000, 90_000])
  func stopsAreFewAndWorthTheirCost(count: Int) {
    let limits = CheckpointLimits(bytes: 1000)
    for start in Set([0, count / 3, count - 1]) {
      for common in [start, (start + count) / 2, max(start, count - 1)] {
        let stops = limits.stops(start: start, count: count, common: common)
        #expect(stops == stops.sorted())
        #expect(stops.allSatisfy { $0 - start >= limits.worth && $0 < count })
        #expect(zip(stops, stops.dropFirst()).allSatisfy { $1 - $0 >= limits.worth })
        #expect(stops.count <= 11)
        if common - start >= limits.worth, common < count { #expect(stops.contains(common)) }
        if common == start, count - limits.tail - start >= limits.worth { #expect(stops.contains(count - limits.tail)) }
      }
    }
  }

  private func cache(sequences: Int = 4, cells: Int = 1000, count: Int = 8, bytes: Int = 1000) -> PrefixCache {
    PrefixCache(
      cellCount: cells, maxSequences: sequences,
      reuse: .checkpoints(CheckpointLimits(count: count, bytes: bytes, spacing: 50, worth: 4, tail: 2)))
  }

  /// Runs a sequence, saving its state after `stops` tokens, and leaves it as an entry. Returns the cached tokens.
  @discardableResult
  private func add(_ tokens: [Int32], stops: [Int] = [], bytes: Int? = 10, to cache: inout PrefixCache) -> Int? {
    guard let (number, cached) = cache.begin(tokens, keep: true) else { return nil }
    var start = cached
    for stop in stops + [tokens.count] where stop > start {
      cache.append(tokens[start..<stop], to: number)
      if stop < tokens.count { cache.saveCheckpoint(of: number) }
      start = stop
    }
    cache.finish(number)
    answer(&cache, bytes: bytes)
    return cached
  }

  /// The runner's answer to every save.
  private func answer(_ cache: inout PrefixCache, bytes: Int?) {
    for case .save(let checkpoint, _) in cache.actions { cache.noteCheckpoint(checkpoint, bytes: bytes) }
  }

  private func text(_ range: Range<Int32>) -> [Int32] { Array(range) }

  @Test func forksWhereACheckpointIs() throws {
    var cache = cache()
    add(text(0..<40), stops: [10, 20], to: &cache)
    #expect(cache.match(text(0..<9)).depth == 0)
    #expect(cache.match(text(0..<11)).depth == 10)
    #expect(cache.match(text(0..<20)).depth == 10, "the last token has to be computed")
    #expect(cache.match(text(0..<30) + [7]).depth == 20)
    #expect(cache.match(text(0..<40) + [7]).depth == 40)
    cache.actions.removeAll()
    let begun = cache.begin(text(0..<30) + [7], keep: true)
    let (number, cached) = try #require(begun)
    #expect(cached == 20)
    #expect(
      cache.actions == [.copy(source: 0, target: number, count: 20), .restore(checkpoint: 2, sequence: number)])
    // Now a running sequence shares its prefix as well.
    cache.append(text(20..<30) + [7], to: number)
    cache.saveCheckpoint(of: number)
    #expect(cache.match(text(0..<30) + [7, 8]).depth == 31)
  }

  @Test func continuesAWholeSequenceInPlaceAndLeavesACheckpoint() throws {
    var cache = cache()
    add(text(0..<40), to: &cache)
    cache.actions.removeAll()
    let begun = cache.begin(text(0..<40) + [7], keep: true)
    let (number, cached) = try #require(begun)
    #expect(cached == 40)
    #expect(cache.actions == [.save(checkpoint: 1, sequence: number)])
    #expect(cache.entryCount == 0)
    #expect(cache.match(text(0..<40) + [8, 9]).depth == 40)
    // One that is not to be kept may not use it up.
    cache.append([7], to: number)
    cache.finish(number)
    let passing = cache.begin(text(0..<40) + [7, 8], keep: false)
    #expect(passing?.cached == 41)
    #expect(cache.entryCount == 1)
  }

  @Test func checkpointsGoWithTheirTokens() {
    var cache = cache(sequences: 2)
    add(text(0..<40), stops: [10, 20], to: &cache)
    add(text(100..<140), stops: [10], to: &cache)
    #expect(cache.checkpointCount == 3)
    add(text(200..<240), stops: [10], to: &cache)
    #expect(cache.checkpointCount == 2, "the oldest entry's number was needed")
    #expect(cache.actions.contains(.discard(checkpoint: 1)))
    #expect(cache.actions.contains(.discard(checkpoint: 2)))
    while cache.dropOldestEntry() {}
    #expect(cache.checkpointCount == 0)
    #expect(cache.usedCheckpointBytes == 0)
  }

  @Test func theLeastRecentlyUsedCheckpointGoesBeyondTheLimits() {
    var cache = cache(count: 3)
    add(text(0..<40), stops: [10, 20, 30], to: &cache)
    add(text(0..<15) + [7], to: &cache)
    add(text(100..<140), stops: [10], to: &cache)
    #expect(cache.checkpointCount == 3)
    #expect(cache.match(text(0..<15)).depth == 10, "was used again")
    #expect(cache.match(text(0..<25)).depth == 10)
    #expect(cache.match(text(0..<35)).depth == 30)

    var small = self.cache(bytes: 25)
    add(text(0..<40), stops: [10, 20, 30], to: &small)
    #expect(small.usedCheckpointBytes <= 25)
    #expect(small.match(text(0..<35)).depth == 30)
  }

  @Test(arguments: [nil, 2000])
  func stopsTryingWhenNoneCanBeKept(bytes: Int?) {
    var cache = cache()
    for start: Int32 in [0, 100, 200, 300, 400] {
      add(text(start..<start + 40), stops: [10], bytes: bytes, to: &cache)
    }
    #expect(cache.checkpointCount == 0)
    #expect(cache.usedCheckpointBytes == 0)
    #expect(cache.actions.count { if case .save = $0 { true } else { false } } == 3)
  }

  @Test func entriesAreCutBackToACheckpoint() throws {
    var cache = cache(cells: 400)
    add(text(0..<300), stops: [100, 200, 290], to: &cache)
    cache.actions.removeAll()
    let made = cache.makeRoom(110)
    #expect(made)
    #expect(cache.actions.prefix(2) == [.restore(checkpoint: 2, sequence: 0), .trim(sequence: 0, from: 200)])
    #expect(cache.actions.contains(.discard(checkpoint: 3)))
    #expect(cache.match(text(0..<300)).depth == 200)
    let madeMore = cache.makeRoom(390)
    #expect(madeMore)
    #expect(cache.entryCount == 0)
  }

  @Test func theLastEntryIsCutAndContinuedInPlace() throws {
    var cache = cache(sequences: 1)
    add(text(0..<40), stops: [10, 20], to: &cache)
    cache.actions.removeAll()
    let begun = cache.begin(text(0..<30) + [7], keep: true)
    let (number, cached) = try #require(begun)
    #expect(cached == 20)
    #expect(cache.actions == [.restore(checkpoint: 2, sequence: number), .trim(sequence: number, from: 20)])
    #expect(cache.tree.cells == 20)
  }
}
