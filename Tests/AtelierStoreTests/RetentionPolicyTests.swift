@testable import AtelierStore
import Testing

struct RetentionPolicyTests {
  private let day: Int64 = 86_400_000

  private func entry(_ id: String, _ parent: String?, day number: Int64) -> RetentionPolicy.Entry {
    RetentionPolicy.Entry(id: id, parent: parent, createdAt: number * day)
  }

  @Test func anOldTurnStaysWhileSomethingYoungContinuesIt() {
    let entries = [entry("a", nil, day: 0), entry("b", "a", day: 1), entry("c", "b", day: 50), entry("d", "a", day: 2)]
    #expect(RetentionPolicy(maxAgeDays: 30, maxNodes: nil).expired(entries, now: 60 * day) == ["d"])
    #expect(RetentionPolicy(maxAgeDays: 30, maxNodes: nil).expired(entries, now: 100 * day) == ["d", "c", "b", "a"])
  }

  @Test func theOldestLeafGoesFirstAndUncoversItsParent() {
    let entries = [entry("a", nil, day: 0), entry("b", "a", day: 5), entry("x", nil, day: 6), entry("y", nil, day: 1)]
    let policy = RetentionPolicy(maxAgeDays: nil, maxNodes: 1)
    #expect(policy.expired(entries, now: 0) == ["y", "b", "a"])
    #expect(RetentionPolicy(maxAgeDays: nil, maxNodes: 4).expired(entries, now: 0).isEmpty)
    #expect(RetentionPolicy(maxAgeDays: nil, maxNodes: nil).expired(entries, now: .max).isEmpty)
  }

  /// On random trees: what goes is always a leaf of what is left, and no more goes than must.
  @Test(arguments: 0..<50) func randomTreesAreCutFromTheirLeaves(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func next(_ bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(bound))
    }
    var entries: [RetentionPolicy.Entry] = []
    for number in 0..<60 {
      let parent = number > 0 && next(4) > 0 ? entries[next(number)].id : nil
      entries.append(entry("n\(number)", parent, day: Int64(number)))
    }
    let keep = next(60)
    let expired = RetentionPolicy(maxAgeDays: nil, maxNodes: keep).expired(entries, now: 0)
    #expect(expired.count == 60 - keep)
    var left = Dictionary(uniqueKeysWithValues: entries.map { ($0.id, $0) })
    for id in expired {
      #expect(!left.values.contains { $0.parent == id })
      let leaves = left.values.filter { leaf in !left.values.contains { $0.parent == leaf.id } }
      #expect(leaves.min { $0.createdAt < $1.createdAt }?.id == id)
      left[id] = nil
    }
  }
}
