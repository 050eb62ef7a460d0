/// Who holds which cells and sequence numbers of the runner: running sequences, and finished ones kept as entries for
/// later prompts to continue. Entries give way to running sequences, least recently used first, from their ends.
///
/// A pure value: it decides, and lists in `actions` what the runner has to do.
package struct PrefixCache: Sendable {
  /// Cells taken from an entry at once, at least: each cut costs a scan of the runner's cells.
  private static let cutSize = 64

  package let cellCount: Int
  package let reuse: PrefixReuse
  package private(set) var tree: RadixTree
  package var actions: [CacheAction] = []

  private var freeNumbers: [Int]
  /// By sequence number; 0: not an entry.
  private var lastUsed: [UInt64]
  private var keeps: [Bool]
  private var clock: UInt64 = 0

  package init(cellCount: Int, maxSequences: Int, reuse: PrefixReuse) {
    self.cellCount = cellCount
    self.reuse = reuse
    tree = RadixTree(maxSequences: maxSequences)
    freeNumbers = Array((0..<maxSequences).reversed())
    lastUsed = Array(repeating: 0, count: maxSequences)
    keeps = Array(repeating: false, count: maxSequences)
  }

  package var freeCells: Int { cellCount - tree.cells }
  package var pinnedCells: Int { tree.pinnedCells }
  package var entryCount: Int { lastUsed.count { $0 > 0 } }
  /// Sequence numbers in use, entries' included.
  package var usedNumbers: Int { lastUsed.count - freeNumbers.count }

  /// The longest reusable prefix of `tokens`. The last token is never part of it: somebody needs its logits.
  package func match(_ tokens: [Int32]) -> RadixTree.Place {
    switch reuse {
    case .anyPrefix:
      return tree.longestPrefix(of: tokens, limit: tokens.count - 1)
    case .wholeSequences:
      let whole = tree.sequences(within: tokens, limit: tokens.count - 1).filter { lastUsed[$0] > 0 }
      guard let longest = whole.max(by: { tree.length(of: $0) < tree.length(of: $1) }) else { return .root }
      return tree.place(of: longest, count: tree.length(of: longest))
    }
  }

  /// Starts a running sequence with the longest reusable prefix of `tokens`; `keep` says whether it may become an entry.
  /// Nil when every number belongs to a running sequence.
  package mutating func begin(_ tokens: [Int32], keep: Bool) -> (number: Int, cached: Int)? {
    let place = match(tokens)
    let source = source(of: place)
    let number: Int
    if let free = freeNumbers.popLast() {
      number = free
    } else if let victim = oldestEntry(where: { $0 != source }) {
      drop(victim)
      number = freeNumbers.removeLast()
    } else if let source, lastUsed[source] > 0 {
      // The last entry, and the one that fits: continue it instead of sharing it.
      lastUsed[source] = 0
      keeps[source] = keep
      tree.setPinned(source, true)
      if tree.length(of: source) > place.depth {
        tree.trim(source, to: place.depth)
        actions.append(.trim(sequence: source, from: place.depth))
      }
      return (source, place.depth)
    } else {
      return nil
    }
    // Dropping the victim may have moved nodes: look the place up again.
    let current = source.map { tree.place(of: $0, count: place.depth) } ?? .root
    tree.insert(number, at: current)
    keeps[number] = keep
    if let source, current.depth > 0 {
      touch(source)
      actions.append(.copy(source: source, target: number, count: current.depth))
    }
    return (number, current.depth)
  }

  package mutating func append(_ tokens: ArraySlice<Int32>, to number: Int) {
    if tokens.count == 1 {
      tree.append(tokens[tokens.startIndex], to: number)
    } else {
      tree.append(contentsOf: tokens, to: number)
    }
  }

  /// Ends a running sequence. It becomes an entry unless it is not to be kept or adds nothing to what is held.
  package mutating func finish(_ number: Int) {
    let tokens = tree.tokens(of: number)
    guard keeps[number], !tokens.isEmpty, !isRedundant(number, tokens) else {
      drop(number)
      return
    }
    tree.setPinned(number, false)
    clock += 1
    lastUsed[number] = clock
    guard reuse == .anyPrefix else { return }
    for entry in tree.sequences(within: tokens, limit: tokens.count) where entry != number && lastUsed[entry] > 0 {
      drop(entry)
    }
  }

  /// Forgets a sequence, running or entry, without keeping anything.
  package mutating func drop(_ number: Int) {
    tree.remove(number)
    lastUsed[number] = 0
    freeNumbers.append(number)
    actions.append(.forget(sequence: number))
  }

  /// Takes cells from entries until `cells` are free. False if the running sequences hold too many.
  @discardableResult
  package mutating func makeRoom(_ cells: Int) -> Bool {
    while freeCells < cells {
      let victim = oldestEntry { tree.exclusiveCells(of: $0) > 0 } ?? oldestEntry { _ in true }
      guard let victim else { return false }
      shorten(victim, by: cells - freeCells)
    }
    return true
  }

  /// Forgets the least recently used entry. False if there is none.
  package mutating func dropOldestEntry() -> Bool {
    guard let victim = oldestEntry(where: { _ in true }) else { return false }
    drop(victim)
    return true
  }

  /// The runner lost the sequence's content (it could not cut). A running sequence starts again at 0.
  package mutating func lose(_ number: Int) {
    guard tree.contains(number) else { return }
    if lastUsed[number] > 0 {
      tree.remove(number)
      lastUsed[number] = 0
      freeNumbers.append(number)
    } else {
      tree.trim(number, to: 0)
    }
  }

  private mutating func shorten(_ entry: Int, by need: Int) {
    let exclusive = tree.exclusiveCells(of: entry)
    let cut = max(need, Self.cutSize)
    guard reuse == .anyPrefix, cut < exclusive else {
      drop(entry)
      return
    }
    let length = tree.length(of: entry) - cut
    tree.trim(entry, to: length)
    actions.append(.trim(sequence: entry, from: length))
  }

  private mutating func touch(_ number: Int) {
    guard lastUsed[number] > 0 else { return }
    clock += 1
    lastUsed[number] = clock
  }

  /// Whether what another kept sequence holds makes this one useless as an entry.
  private func isRedundant(_ number: Int, _ tokens: [Int32]) -> Bool {
    switch reuse {
    case .anyPrefix:
      tree.covers(tokens) { $0 != number && keeps[$0] }
    case .wholeSequences:
      tree.sequences(within: tokens, limit: tokens.count).contains {
        $0 != number && lastUsed[$0] > 0 && tree.length(of: $0) == tokens.count
      }
    }
  }

  private func source(of place: RadixTree.Place) -> Int? {
    switch reuse {
    case .anyPrefix: tree.holder(of: place)
    case .wholeSequences: tree.entry(endingAt: place) { lastUsed[$0] > 0 }
    }
  }

  private func oldestEntry(where condition: (Int) -> Bool) -> Int? {
    var best: Int?
    for number in lastUsed.indices where lastUsed[number] > 0 && condition(number) {
      if best.map({ lastUsed[number] < lastUsed[$0] }) ?? true { best = number }
    }
    return best
  }
}
