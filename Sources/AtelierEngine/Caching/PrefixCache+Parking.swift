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
      let victim = oldestEntry(where: { isParkable($0, limits) })
    else { return }
    park(victim)
  }

  /// The cells that idle sequences may keep while others generate.
  package var idleCellLimit: Int? { limits?.idleCells }

  /// Keeps what the entry alone holds, if it can be kept, and takes it out of the cells. False: it is still there.
  mutating func parkInstead(_ entry: Int) -> Bool {
    guard let limits, isParkable(entry, limits) else { return false }
    park(entry)
    return true
  }

  /// Of pictures the ids do not say all: where their rows lie depends on the model.
  private func isParkable(_ entry: Int, _ limits: ParkingLimits) -> Bool {
    let cells = tree.exclusiveCells(of: entry)
    return cells >= limits.worth && !holdsPicture[entry]
      && (cells + Self.shortBeginning) * limits.cellBytes <= limits.bytes
  }

  private mutating func park(_ entry: Int) {
    let tokens = tree.tokens(of: entry)
    let shared = tokens.count - tree.exclusiveCells(of: entry)
    let known = parked.chain(tokens, from: 0, limit: tokens.count)
    var start = max(shared, known.last?.positions.upperBound ?? 0)
    if start < Self.shortBeginning { start = 0 }
    parked.touch(known)
    if start < tokens.count {
      let (id, superfluous) = parked.add(tokens, from: start, cellBytes: parking?.cellBytes ?? 0)
      for id in superfluous { actions.append(.release(segment: id)) }
      // What has to go goes first, so that the limit holds at every moment.
      releaseOldest()
      actions.append(.park(segment: id, sequence: entry, from: start))
    }
    drop(entry)
  }

  /// Extends a sequence that has just begun with `tokens` by what lies in host memory. Returns how many tokens it has then.
  mutating func unpark(_ tokens: [Int32], to number: Int) -> Int {
    let depth = tree.length(of: number)
    let known = chain(tokens, from: depth)
    let room = parked.room(for: known, from: depth)
    guard let limits, let end = known.last?.positions.upperBound, end - depth >= limits.worth,
      room <= cellCount - tree.pinnedCells, makeRoom(room)
    else { return depth }
    // Making room may have moved others out, and with it freed the oldest.
    let links = chain(tokens, from: depth)
    guard parked.room(for: links, from: depth) <= freeCells else { return depth }
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
      loseParked(id)
      // Nothing comes back any more either.
      if failedParkings == Self.patience {
        while let id = parked.takeOldest() { actions.append(.release(segment: id)) }
      }
      return
    }
    failedParkings = 0
    parked.note(id, bytes: bytes)
    releaseOldest()
  }

  private mutating func releaseOldest() {
    guard let parking else { return }
    while parked.bytes > parking.bytes, let oldest = parked.takeOldest() { actions.append(.release(segment: oldest)) }
  }

  /// The runner has not got it, or could not put it back.
  package mutating func loseParked(_ id: UInt64) {
    parked.remove(id)
    actions.append(.release(segment: id))
  }
}
