import AtelierEngine
import Testing

@testable import AtelierLlama

struct ImageMemoryTests {
  private func image(rows: Int, _ memory: EmbeddingMemory? = nil) -> EncodedImage {
    let values = [Float](repeating: 0, count: rows)
    let keeper = memory?.reserve(rows * 4)
    return EncodedImage(pieces: [
      .tokens([1, 2]),
      .picture(MediaEmbedding(token: -1, rows: rows, width: 1, values: values, keeper: keeper)),
    ])
  }

  @Test func theLeastRecentlyUsedImageGivesWay() {
    var cache = ImageCache<Int>(maxBytes: 400)
    for key in 1...3 { cache.insert(image(rows: 30), for: key) }
    #expect(cache.bytes == 360)
    _ = cache.image(for: 1)
    cache.insert(image(rows: 50), for: 4)
    let kept = (1...4).map { cache.image(for: $0) != nil }
    #expect(kept == [true, false, false, true])
    #expect(cache.bytes == 320 && cache.count == 2)
  }

  @Test func anImageLargerThanTheCacheIsNotKept() {
    var cache = ImageCache<Int>(maxBytes: 400)
    cache.insert(image(rows: 30), for: 1)
    cache.insert(image(rows: 101), for: 2)
    let isKept = cache.image(for: 1) != nil
    #expect(cache.count == 1 && isKept)
  }

  @Test func memoryIsGivenBackWithTheLastUse() {
    let memory = EmbeddingMemory(limit: 500)
    var cache = ImageCache<Int>(maxBytes: 400)
    cache.insert(image(rows: 100, memory), for: 1)
    var inUse = cache.image(for: 1)
    #expect(memory.usedBytes == 400 && memory.reserve(101) == nil)
    cache.removeOldest()
    #expect(memory.usedBytes == 400, "a request still holds it")
    #expect(inUse != nil)
    inUse = nil
    #expect(memory.usedBytes == 0 && memory.reserve(500) != nil)
    let removed = cache.removeOldest()
    #expect(!removed)
  }

  private func expect(
    _ tokens: inout MediaTokens<String>, _ key: String, _ count: Int, _ wanted: [Int32],
    at location: SourceLocation = #_sourceLocation
  ) {
    let found = tokens.tokens(for: key, count: count)
    #expect(found == wanted, sourceLocation: location)
  }

  @Test func everyPictureHasAnIdOfItsOwn() {
    var tokens = MediaTokens<String>(capacity: 2)
    expect(&tokens, "a", 2, [-1, -2])
    expect(&tokens, "b", 1, [-3])
    expect(&tokens, "a", 2, [-1, -2])
    // Whoever is forgotten comes back as somebody new.
    expect(&tokens, "c", 1, [-4])
    expect(&tokens, "a", 2, [-5, -6])
    expect(&tokens, "c", 1, [-4])
  }

  @Test func idsBeginAnewAfterTheLast() {
    var tokens = MediaTokens<String>(first: .min + 1)
    expect(&tokens, "a", 3, [.min + 1, .min, -1])
  }
}
