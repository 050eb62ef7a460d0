import AtelierEngine
import Testing

struct PromptLogitsTests {
  private func store(_ value: Float, after prompt: [Int32], in cache: inout PromptLogits) {
    var logits = [value, value + 1]
    logits.withUnsafeMutableBufferPointer { cache.store($0, after: prompt) }
  }

  @Test func onlyTheWholePromptMatches() {
    var cache = PromptLogits(vocabularySize: 2)
    store(5, after: [1, 2, 3], in: &cache)
    #expect(cache.logits(after: [1, 2, 3]) == [5, 6])
    #expect(cache.logits(after: [1, 2]) == nil)
    #expect(cache.logits(after: [1, 2, 3, 4]) == nil)
  }

  @Test func theLeastRecentlyUsedGivesWay() {
    var cache = PromptLogits(vocabularySize: 2, byteLimit: 16)
    store(1, after: [1], in: &cache)
    store(2, after: [2], in: &cache)
    _ = cache.logits(after: [1])
    store(3, after: [3], in: &cache)
    #expect(cache.count == 2)
    #expect(cache.logits(after: [1]) != nil)
    #expect(cache.logits(after: [2]) == nil)
  }

  @Test func nothingIsKeptBeyondTheBytes() {
    var cache = PromptLogits(vocabularySize: 1000, byteLimit: 100)
    store(1, after: [1], in: &cache)
    #expect(cache.count == 0)
  }
}
