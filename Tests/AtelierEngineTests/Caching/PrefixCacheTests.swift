import AtelierEngine
import Testing

struct PrefixCacheTests {
  /// Runs a sequence through the cache and leaves it as an entry.
  private func add(_ tokens: [Int32], to cache: inout PrefixCache, keep: Bool = true) -> Int? {
    guard let (number, cached) = cache.begin(tokens, keep: keep) else { return nil }
    cache.append(tokens[cached...], to: number)
    cache.finish(number)
    return cached
  }

  private func expect(_ cached: Int?, is wanted: Int, at location: SourceLocation = #_sourceLocation) {
    #expect(cached == wanted, sourceLocation: location)
  }

  @Test func recomputesTheLastTokenOfAKnownPrompt() {
    var cache = PrefixCache(cellCount: 100, maxSequences: 4, reuse: .anyPrefix)
    expect(add([1, 2, 3, 4], to: &cache), is: 0)
    expect(add([1, 2, 3, 4], to: &cache), is: 3)
    #expect(cache.entryCount == 1, "the second is equal to the first")
    #expect(cache.tree.cells == 4)
  }

  @Test func keepsOnlyTheLongerOfTwoEntries() {
    var cache = PrefixCache(cellCount: 100, maxSequences: 4, reuse: .anyPrefix)
    _ = add([1, 2, 3, 4], to: &cache)
    expect(add([1, 2, 3, 4, 5, 6], to: &cache), is: 4)
    #expect(cache.entryCount == 1)
    expect(add([1, 2, 9], to: &cache), is: 2)
    #expect(cache.entryCount == 2)
    #expect(cache.tree.cells == 7)
  }

  @Test func doesNotRelyOnASequenceThatWillNotBeKept() {
    var cache = PrefixCache(cellCount: 100, maxSequences: 4, reuse: .anyPrefix)
    if let passing = cache.begin([1, 2, 3, 4], keep: false) {
      cache.append([1, 2, 3, 4], to: passing.number)
      expect(add([1, 2, 3], to: &cache), is: 2)
      cache.finish(passing.number)
    }
    #expect(cache.match([1, 2, 3, 4]).depth == 3)
    #expect(cache.tree.cells == 3)
  }

  @Test func doesNotKeepWhatIsNotCacheable() {
    var cache = PrefixCache(cellCount: 100, maxSequences: 4, reuse: .anyPrefix)
    _ = add([1, 2, 3], to: &cache, keep: false)
    #expect(cache.entryCount == 0)
    #expect(cache.tree.cells == 0)
    #expect(cache.usedNumbers == 0)
    #expect(cache.actions.last == .forget(sequence: 0))
  }

  @Test func cutsTheLeastRecentlyUsedEntryFromItsEnd() {
    var cache = PrefixCache(cellCount: 400, maxSequences: 4, reuse: .anyPrefix)
    let old = (0..<200).map { Int32($0) }
    let new = (1000..<1200).map { Int32($0) }
    _ = add(old, to: &cache)
    _ = add(new, to: &cache)
    do {
      let made = cache.makeRoom(10)
      #expect(made)
    }
    #expect(cache.match(old + [0]).depth == 136)
    #expect(cache.match(new + [0]).depth == 200)
    _ = cache.begin(old, keep: true)
    do {
      let made = cache.makeRoom(200)
      #expect(made)
    }
    #expect(cache.match(old + [0]).depth == 136, "in use")
    do {
      let made = cache.makeRoom(300)
      #expect(!made)
    }
    #expect(cache.freeCells == 400 - 136)
  }

  @Test func givesANumberOfAnEntryToANewSequence() throws {
    var cache = PrefixCache(cellCount: 100, maxSequences: 2, reuse: .anyPrefix)
    _ = add([1, 2, 3, 4], to: &cache)
    _ = add([5, 6, 7, 8], to: &cache)
    let begun = cache.begin([1, 2, 3, 9], keep: true)
    let first = try #require(begun)
    #expect(first.cached == 3)
    #expect(cache.match([5, 6, 7, 8, 1]).depth == 0, "its number was needed")
    let continued = cache.begin([1, 2, 8, 8], keep: true)
    let second = try #require(continued)
    #expect(second.cached == 2)
    #expect(cache.entryCount == 0, "the last entry was continued in place")
    let third = cache.begin([7], keep: true)
    #expect(third == nil)
  }
}
