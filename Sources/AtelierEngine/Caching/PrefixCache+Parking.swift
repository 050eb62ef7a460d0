/// Idle sequences in host memory (`ParkedSegments`): moved out of the cells when they are too many or others need the room,
/// and put back when a prompt continues them.
extension PrefixCache {
  /// Stretches that begin with fewer tokens than this hold those too: a short beginning that many share is not worth the
  /// risk that it is gone when it is needed.
  private static let shortBeginning = 64
  /// After that many failures in a row nothing more is moved.
  private static let patience = 3

  package var parkedCount: Int { parked.segments.count }
  package var parkedBytes: Int { parked.bytes }

  private var limits: ParkingLimits? { failedParkings < Self.patience ? parking : nil }

  /// Tokens of a prompt that need not be computed: in cells or in host memory.
  package func reach(_ tokens: [Int32]) -> Int {
    let depth = match(tokens).depth
    guard let limits, let end = chain(tokens, from: depth).last?.positions.upperBound else { return depth }
    return end - depth >= limits.worth ? end : depth
  }

  private func chain(_ tokens: [Int32], from depth: Int) -> [ParkedSegments.Link] {
    parked.segments.isEmpty ? [] : parked.chain(tokens, from: depth, limit: tokens.count - 1)
  }

  /// Moves the least recently used idle sequence out if idle ones hold more than `cells` cells.
  package mutating func parkIdle(beyond cells: Int) {
    guard let limits, tree.cells - tree.pinnedCells > cells,
      let victim = oldestEntry(where: { tree.exclusiveCells(of: $0) >= limits.worth && isParkable($0) })
    else { return }
    park(victim)
  }

  /// The cells that idle sequences may keep while others generate.
  package var idleCellLimit: Int? { limits?.idleCells }

  /// Keeps what the entry alone holds, if it can be kept, and takes it out of the cells. False: it is still there.
  mutating func parkInstead(_ entry: Int) -> Bool {
    guard let limits, tree.exclusiveCells(of: entry) >= limits.worth, isParkable(entry) else { return false }
    park(entry)
    return true
  }

  /// Of pictures the ids do not say all: where their rows lie depends on the model.
  private func isParkable(_ entry: Int) -> Bool { !holdsPicture[entry] }

  private mutating func park(_ entry: Int) {
    let tokens = tree.tokens(of: entry)
    let shared = tokens.count - tree.exclusiveCells(of: entry)
    let known = parked.chain(tokens, from: 0, limit: tokens.count)
    var start = max(shared, known.last?.positions.upperBound ?? 0)
    if start < Self.shortBeginning { start = 0 }
    parked.touch(known)
    if start < tokens.count {
      let (id, superfluous) = parked.add(tokens, from: start)
      actions.append(.park(segment: id, sequence: entry, from: start))
      for id in superfluous { actions.append(.release(segment: id)) }
    }
    drop(entry)
  }

  /// Extends a sequence that has just begun with `tokens` by what lies in host memory. Returns how many tokens it has then.
  mutating func unpark(_ tokens: [Int32], to number: Int) -> Int {
    let depth = tree.length(of: number)
    guard let limits, let end = chain(tokens, from: depth).last?.positions.upperBound, end - depth >= limits.worth,
      makeRoom(end - depth)
    else { return depth }
    // Making room may have moved others out, and with it freed the oldest.
    let links = chain(tokens, from: depth)
    parked.touch(links)
    for link in links {
      actions.append(.unpark(segment: link.id, sequence: number, positions: link.positions))
      tree.append(contentsOf: tokens[link.positions], to: number)
    }
    return tree.length(of: number)
  }

  /// What became of a `park`: the bytes it takes, or nil when the runner could not keep it.
  package mutating func noteParked(_ id: UInt64, bytes: Int?) {
    guard let parking else { return }
    guard let bytes, bytes <= parking.bytes else {
      failedParkings += 1
      parked.remove(id)
      actions.append(.release(segment: id))
      return
    }
    failedParkings = 0
    parked.note(id, bytes: bytes)
    while parked.bytes > parking.bytes, let oldest = parked.takeOldest() { actions.append(.release(segment: oldest)) }
  }

  /// The runner could not put it back.
  package mutating func loseParked(_ id: UInt64) {
    parked.remove(id)
    actions.append(.release(segment: id))
  }
}
