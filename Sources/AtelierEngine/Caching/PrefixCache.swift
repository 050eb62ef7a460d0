/// Who holds which cells and sequence numbers of the runner: running sequences, and finished ones kept as entries for
/// later prompts to continue. Entries give way to running sequences, least recently used first, from their ends. Where
/// the memory cannot be cut, also which of its states are kept as checkpoints (`PrefixCache+Checkpoints.swift`); where
/// it can, what is kept in host memory instead of in cells (`PrefixCache+Parking.swift`).
///
/// A pure value: it decides, and lists in `actions` what the runner has to do.
package struct PrefixCache: Sendable {
  /// Cells taken from an entry at once, at least: each cut costs a scan of the runner's cells.
  private static let cutSize = 64

  package let cellCount: Int
  package let reuse: PrefixReuse
  /// nil: nothing is moved out of the cells.
  package let parking: ParkingLimits?
  package internal(set) var tree: RadixTree
  package var actions: [CacheAction] = []

  /// By id: what the runner keeps for the tree's marks.
  var checkpoints: [UInt64: Checkpoint] = [:]
  var checkpointBytes = 0
  /// Bytes of the largest one so far.
  var largestCheckpoint = 0
  var lastCheckpoint: UInt64 = 0
  /// Times in a row that the runner could not keep a state.
  var failedCheckpoints = 0
  var parked = ParkedSegments()
  var failedParkings = 0
  var clock: UInt64 = 0

  private var freeNumbers: [Int]
  /// By sequence number; 0: not an entry.
  private var lastUsed: [UInt64]
  private var keeps: [Bool]
  /// By sequence number, of entries.
  private(set) var holdsPicture: [Bool]

  package init(cellCount: Int, maxSequences: Int, reuse: PrefixReuse, parking: ParkingLimits? = nil) {
    self.cellCount = cellCount
    self.reuse = reuse
    self.parking = reuse == .anyPrefix ? parking : nil
    tree = RadixTree(maxSequences: maxSequences)
    freeNumbers = Array((0..<maxSequences).reversed())
    lastUsed = Array(repeating: 0, count: maxSequences)
    keeps = Array(repeating: false, count: maxSequences)
    holdsPicture = keeps
  }

  package var freeCells: Int { cellCount - tree.cells }
  package var pinnedCells: Int { tree.pinnedCells }
  package var entryCount: Int { lastUsed.count { $0 > 0 } }
  /// Sequence numbers in use, entries' included.
  package var usedNumbers: Int { lastUsed.count - freeNumbers.count }

  /// Where a sequence of certain tokens can begin.
  private struct Match {
    var place: RadixTree.Place
    /// Who holds the place; nil at the root.
    var source: Int?
    /// The state to be restored there; nil: the source's own.
    var checkpoint: UInt64?
  }

  /// The longest reusable prefix of `tokens`. The last token is never part of it: somebody needs its logits. It ends
  /// before a picture or after it, not among its rows.
  package func match(_ tokens: [Int32]) -> RadixTree.Place { find(tokens).place }

  private func find(_ tokens: [Int32]) -> Match {
    let limit = tokens.count - 1
    switch reuse {
    case .anyPrefix:
      let longest = tree.longestPrefix(of: tokens, limit: limit)
      let place = tree.shortened(longest, to: MediaRun.floor(tokens, longest.depth))
      return Match(place: place, source: tree.holder(of: place))
    case .checkpoints:
      let whole = tree.sequences(within: tokens, limit: limit).filter {
        lastUsed[$0] > 0 && MediaRun.floor(tokens, tree.length(of: $0)) == tree.length(of: $0)
      }
      let entry = whole.max { tree.length(of: $0) < tree.length(of: $1) }
      let marked = tree.deepestMark(of: tokens, limit: limit)
      if let entry, tree.length(of: entry) >= marked?.mark.depth ?? 0 {
        return Match(place: tree.place(of: entry, count: tree.length(of: entry)), source: entry)
      }
      guard let marked else { return Match(place: .root) }
      return Match(place: marked.place, source: tree.holder(of: marked.place), checkpoint: marked.mark.id)
    }
  }

  /// Starts a running sequence with the longest reusable prefix of `tokens`, or with nothing unless `reusing`; `keep` says
  /// whether it may become an entry. Nil when every number belongs to a running sequence.
  package mutating func begin(_ tokens: [Int32], keep: Bool, reusing: Bool = true) -> (number: Int, cached: Int)? {
    let match = reusing ? find(tokens) : Match(place: .root)
    let depth = match.place.depth
    let number: Int
    if case .checkpoints = reuse, keep, match.checkpoint == nil, let entry = match.source {
      // Its state is needed as it is: continue it instead of copying it, and leave a checkpoint for others.
      resume(entry, keep: keep)
      saveIfWorth(entry)
      return (entry, depth)
    } else if let free = freeNumbers.popLast() {
      number = free
    } else if let victim = oldestEntry(where: { $0 != match.source }) {
      if !parkInstead(victim) { drop(victim) }
      number = freeNumbers.removeLast()
    } else if let source = match.source, lastUsed[source] > 0 {
      // The last entry, and the one that fits: continue it instead of sharing it.
      resume(source, keep: keep)
      cut(source, to: depth, checkpoint: match.checkpoint)
      return (source, unpark(tokens, to: source))
    } else {
      return nil
    }
    // Dropping the victim may have moved nodes: look the place up again.
    let current = match.source.map { tree.place(of: $0, count: depth) } ?? .root
    tree.insert(number, at: current)
    keeps[number] = keep
    if let source = match.source, current.depth > 0 {
      touch(source)
      actions.append(.copy(source: source, target: number, count: current.depth))
      restore(match.checkpoint, to: number)
    }
    return (number, reusing ? unpark(tokens, to: number) : 0)
  }

  /// Makes an entry a running sequence again.
  private mutating func resume(_ entry: Int, keep: Bool) {
    lastUsed[entry] = 0
    keeps[entry] = keep
    tree.setPinned(entry, true)
  }

  private mutating func cut(_ number: Int, to count: Int, checkpoint: UInt64?) {
    guard tree.length(of: number) > count else { return }
    restore(checkpoint, to: number)
    tree.trim(number, to: count)
    actions.append(.trim(sequence: number, from: count))
    discardLostCheckpoints()
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
    holdsPicture[number] = tokens.contains { $0 < 0 }
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
    discardLostCheckpoints()
  }

  /// Takes cells from entries until `cells` are free. False if the running sequences hold too many.
  @discardableResult
  package mutating func makeRoom(_ cells: Int) -> Bool {
    while freeCells < cells {
      let victim = oldestEntry { tree.exclusiveCells(of: $0) > 0 } ?? oldestEntry { _ in true }
      guard let victim else { return false }
      if !parkInstead(victim) { shorten(victim, by: cells - freeCells) }
    }
    return true
  }

  /// Forgets the least recently used entry. False if there is none.
  package mutating func dropOldestEntry() -> Bool {
    guard let victim = oldestEntry(where: { _ in true }) else { return false }
    if !parkInstead(victim) { drop(victim) }
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
    discardLostCheckpoints()
  }

  private mutating func shorten(_ entry: Int, by need: Int) {
    let shared = tree.length(of: entry) - tree.exclusiveCells(of: entry)
    var length = tree.length(of: entry) - max(need, Self.cutSize)
    var checkpoint: UInt64?
    if case .checkpoints = reuse {
      let mark = tree.lastMark(of: entry, upTo: length)
      length = mark?.depth ?? 0
      checkpoint = mark?.id
    }
    guard length > shared else {
      drop(entry)
      return
    }
    cut(entry, to: length, checkpoint: checkpoint)
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
    case .checkpoints:
      tree.sequences(within: tokens, limit: tokens.count).contains {
        $0 != number && lastUsed[$0] > 0 && tree.length(of: $0) == tokens.count
      }
    }
  }

  func oldestEntry(where condition: (Int) -> Bool) -> Int? {
    var best: Int?
    for number in lastUsed.indices where lastUsed[number] > 0 && condition(number) {
      if best.map({ lastUsed[number] < lastUsed[$0] }) ?? true { best = number }
    }
    return best
  }
}
