extension Scheduler {
  /// Shared tokens for which it pays to wait while another sequence computes them.
  private static let worthWaiting = 16

  /// Starts waiting sequences while they fit, clients in turn. Order is strict for cells, so that small ones cannot starve
  /// a large one; only a sequence that waits for its leader lets others pass.
  mutating func admit() {
    while running.count < limits.parallel, let next = parked.first {
      guard fits(next), start(next) else { return }
      parked.removeFirst()
    }
    var following: [UInt64] = []
    while running.count < limits.parallel, let index = nextInTurn(besides: following) {
      if isFollowing(index) {
        following.append(waiting[index].id)
        continue
      }
      guard fits(waiting[index]), start(waiting[index]) else { return }
      waiting.remove(at: index)
    }
  }

  /// Whether all its tokens, what the running prompts still need, and some room to generate find cells.
  private func fits(_ sequence: SequenceState) -> Bool {
    guard !running.isEmpty else { return true }
    let place = sequence.isScoring ? .root : cache.match(sequence.tokens)
    let committed = running.reduce(0) { $0 + $1.remaining }
    let headroom = min(16 * (running.count + 1), limits.cellCount / 8)
    let own = sequence.tokens.count - place.depth + cache.tree.unpinnedCells(to: place)
    return cache.pinnedCells + committed + own + headroom <= limits.cellCount
  }

  private mutating func start(_ waiting: SequenceState) -> Bool {
    let stops = cache.checkpointStops(for: waiting.tokens).map { MediaRun.floor(waiting.tokens, $0) }
    guard
      let (number, cached) = cache.begin(waiting.tokens, keep: waiting.cacheable, reusing: !waiting.isScoring)
    else { return false }
    var sequence = waiting
    sequence.number = number
    sequence.computed = cached
    sequence.leader = nil
    sequence.setStops(stops, spacing: cache.checkpointSpacing)
    if sequence.cached == nil {
      let known = min(cached, sequence.promptCount)
      sequence.cached = known
      sequence.reported = known
      emit(sequence.id, .prompt(processed: known, cached: known, total: sequence.promptCount))
    }
    running.append(sequence)
    starts += 2
    turns[sequence.client] = starts
    return true
  }

  /// Whether a running sequence is about to compute more of this one's prompt than is in memory now.
  private mutating func isFollowing(_ index: Int) -> Bool {
    guard !waiting[index].isScoring else { return false }
    if let leader = waiting[index].leader {
      if running.contains(where: { $0.id == leader.id && $0.computed < leader.until }) { return true }
      waiting[index].leader = nil
    }
    let worth = cache.reuse == .anyPrefix ? Self.worthWaiting : cache.checkpointWorth
    guard let worth else { return false }
    let tokens = waiting[index].tokens
    var best = cache.reach(tokens) + worth - 1
    var leader: Int?
    for place in running.indices where running[place].remaining > 1 {
      let other = running[place]
      let common = MediaRun.floor(
        tokens, TokenPrefix.common(tokens, 0, other.tokens, 0, limit: tokens.count - 1))
      if common > best && common > other.computed {
        best = common
        leader = place
      }
    }
    guard let leader else { return false }
    waiting[index].leader = SequenceState.Leader(id: running[leader].id, until: best)
    addStop(running: leader, at: best)
    return true
  }
}
