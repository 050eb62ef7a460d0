/// Checkpoints: states of the part of the memory that cannot be cut, kept by the runner. Each is a mark in the tree, so it
/// is found like any prefix and goes when its tokens go; beyond the limits the least recently used one goes.
extension PrefixCache {
  struct Checkpoint: Sendable {
    var bytes: Int
    var lastUsed: UInt64
  }

  /// After that many failures in a row no more are made.
  private static let patience = 3

  package var checkpointCount: Int { checkpoints.count }
  /// Bytes that all checkpoints take.
  package var usedCheckpointBytes: Int { checkpointBytes }

  private var limits: CheckpointLimits? {
    guard case .checkpoints(let limits) = reuse, limits.count > 0, failedCheckpoints < Self.patience else { return nil }
    return limits
  }

  /// Tokens between the checkpoints of a text that goes on; nil when none are made.
  var checkpointSpacing: Int? { limits?.spacing }

  /// Shared tokens from which on it pays to wait for a checkpoint; nil when none are made.
  var checkpointWorth: Int? { limits?.worth }

  /// Where the state of a sequence that is about to begin with `tokens` should be saved, in order.
  func checkpointStops(for tokens: [Int32]) -> [Int] {
    guard let limits else { return [] }
    let common = tree.longestPrefix(of: tokens, limit: tokens.count - 1).depth
    return limits.stops(start: match(tokens).depth, count: tokens.count, common: common)
  }

  /// Keeps the running sequence's present state, if none is kept for these tokens.
  package mutating func saveCheckpoint(of number: Int) {
    guard let limits, tree.length(of: number) > 0 else { return }
    let depth = tree.length(of: number)
    if let mark = tree.lastMark(of: number, upTo: depth), mark.depth == depth { return touch(mark.id) }
    while checkpoints.count >= limits.count || checkpointBytes + largestCheckpoint > limits.bytes, discardOldest() {}
    lastCheckpoint += 1
    clock += 1
    tree.mark(number, id: lastCheckpoint)
    // As large as any until the runner says.
    checkpoints[lastCheckpoint] = Checkpoint(bytes: largestCheckpoint, lastUsed: clock)
    checkpointBytes += largestCheckpoint
    actions.append(.save(checkpoint: lastCheckpoint, sequence: number))
  }

  /// The same unless a checkpoint a little before spares nearly as much.
  mutating func saveIfWorth(_ number: Int) {
    guard let limits else { return }
    let depth = tree.length(of: number)
    if depth - (tree.lastMark(of: number, upTo: depth)?.depth ?? 0) >= limits.worth { saveCheckpoint(of: number) }
  }

  /// What became of a `save`: the bytes it takes, or nil when the runner could not keep it.
  package mutating func noteCheckpoint(_ id: UInt64, bytes: Int?) {
    guard let limits, let checkpoint = checkpoints[id] else { return }
    guard let bytes, bytes <= limits.bytes else {
      failedCheckpoints += 1
      return discard(id)
    }
    failedCheckpoints = 0
    checkpointBytes += bytes - checkpoint.bytes
    checkpoints[id]?.bytes = bytes
    largestCheckpoint = max(largestCheckpoint, bytes)
    while checkpointBytes > limits.bytes, discardOldest() {}
  }

  mutating func restore(_ checkpoint: UInt64?, to number: Int) {
    guard let checkpoint else { return }
    touch(checkpoint)
    actions.append(.restore(checkpoint: checkpoint, sequence: number))
  }

  /// Frees the checkpoints whose tokens nobody holds any more.
  mutating func discardLostCheckpoints() {
    for id in tree.takeLostMarks() { discard(id) }
  }

  private mutating func touch(_ id: UInt64) {
    clock += 1
    checkpoints[id]?.lastUsed = clock
  }

  private mutating func discardOldest() -> Bool {
    guard let oldest = checkpoints.min(by: { $0.value.lastUsed < $1.value.lastUsed }) else { return false }
    discard(oldest.key)
    return true
  }

  private mutating func discard(_ id: UInt64) {
    guard let checkpoint = checkpoints.removeValue(forKey: id) else { return }
    tree.removeMark(id)
    checkpointBytes -= checkpoint.bytes
    actions.append(.discard(checkpoint: id))
  }
}
