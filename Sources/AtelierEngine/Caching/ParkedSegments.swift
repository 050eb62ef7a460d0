/// Stretches of token sequences whose cells the runner keeps in host memory. A stretch can be put back behind the tokens
/// before it, wherever those come from: from cells or from other stretches. Least recently used ones go first.
package struct ParkedSegments: Sendable {
  struct Segment: Sendable {
    var id: UInt64
    /// From the root on; what is kept are the cells of those from `start` on.
    var tokens: [Int32]
    var start: Int
    /// An estimate until the runner has said.
    var bytes: Int
    var lastUsed: UInt64
  }

  /// Positions that a stretch gives to a sequence which holds those before.
  struct Link: Sendable, Hashable {
    var id: UInt64
    var positions: Range<Int>
  }

  /// Stretches at the same time at most: each is looked at for every prompt.
  private static let maxCount = 512

  private(set) var segments: [Segment] = []
  private(set) var bytes = 0
  private var lastID: UInt64 = 0
  private var clock: UInt64 = 0

  /// Stretches that lead on from the first `depth` of `tokens`, in order, to at most `limit` of them.
  func chain(_ tokens: [Int32], from depth: Int, limit: Int) -> [Link] {
    var links: [Link] = []
    var reached = depth
    while let link = longest(tokens, from: reached, limit: limit) {
      links.append(link)
      reached = link.positions.upperBound
    }
    return links
  }

  private func longest(_ tokens: [Int32], from depth: Int, limit: Int) -> Link? {
    var best: Link?
    for segment in segments where segment.start <= depth && segment.tokens.count > depth {
      let common = TokenPrefix.common(segment.tokens, 0, tokens, 0, limit: limit)
      if common > best?.positions.upperBound ?? depth { best = Link(id: segment.id, positions: depth..<common) }
    }
    return best
  }

  /// Cells that putting the chain back behind `depth` tokens takes for a moment: a stretch passes through the cells whole.
  func room(for chain: [Link], from depth: Int) -> Int {
    chain.reduce(0) { most, link in
      guard let segment = segments.first(where: { $0.id == link.id }) else { return most }
      return max(most, link.positions.lowerBound - depth + segment.tokens.count - segment.start)
    }
  }

  /// A new stretch. What it makes superfluous is returned, to be freed.
  mutating func add(_ tokens: [Int32], from start: Int, cellBytes: Int) -> (id: UInt64, superfluous: [UInt64]) {
    var superfluous = segments.filter { segment in
      segment.start >= start && segment.tokens.count <= tokens.count
        && TokenPrefix.common(segment.tokens, 0, tokens, 0, limit: segment.tokens.count) == segment.tokens.count
    }.map(\.id)
    for id in superfluous { remove(id) }
    while segments.count >= Self.maxCount, let oldest = takeOldest() { superfluous.append(oldest) }
    lastID += 1
    clock += 1
    let size = (tokens.count - start) * cellBytes
    bytes += size
    segments.append(Segment(id: lastID, tokens: tokens, start: start, bytes: size, lastUsed: clock))
    return (lastID, superfluous)
  }

  mutating func note(_ id: UInt64, bytes size: Int) {
    guard let index = segments.firstIndex(where: { $0.id == id }) else { return }
    bytes += size - segments[index].bytes
    segments[index].bytes = size
  }

  /// The first ones of a chain last longest: without them the others are of no use.
  mutating func touch(_ chain: [Link]) {
    for link in chain.reversed() {
      clock += 1
      if let index = segments.firstIndex(where: { $0.id == link.id }) { segments[index].lastUsed = clock }
    }
  }

  mutating func remove(_ id: UInt64) {
    guard let index = segments.firstIndex(where: { $0.id == id }) else { return }
    bytes -= segments[index].bytes
    segments.remove(at: index)
  }

  /// Removes the least recently used stretch.
  mutating func takeOldest() -> UInt64? {
    guard let oldest = segments.min(by: { $0.lastUsed < $1.lastUsed }) else { return nil }
    remove(oldest.id)
    return oldest.id
  }
}
