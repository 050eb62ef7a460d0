/// Where the states of running sequences are saved, for memories that cannot be cut. A prompt's rows end there, so that the
/// state is that of exactly these tokens.
extension Scheduler {
  /// What became of a `save` action of the plan; bytes, or nil when the runner could not keep the state.
  package mutating func noteCheckpoint(_ id: UInt64, bytes: Int?) { cache.noteCheckpoint(id, bytes: bytes) }

  /// The sequence has computed up to its next stop.
  mutating func saveCheckpoint(running index: Int) {
    guard let number = running[index].number else { return }
    cache.saveCheckpoint(of: number)
    running[index].passStops(spacing: cache.checkpointSpacing)
  }

  /// Others wait for the state after `count` tokens.
  mutating func addStop(running index: Int, at count: Int) {
    guard cache.checkpointWorth != nil else { return }
    running[index].addStop(at: count)
  }
}

extension SequenceState {
  mutating func setStops(_ ascending: [Int], spacing: Int?) {
    stops = ascending.reversed()
    passStops(spacing: spacing)
  }

  mutating func addStop(at count: Int) {
    guard count > computed, !stops.contains(count) else { return }
    stops.insert(count, at: stops.firstIndex { $0 < count } ?? stops.endIndex)
    nextStop = min(nextStop, count)
  }

  /// Leaves those behind that were computed. After the prompt's last one they follow at regular distances.
  mutating func passStops(spacing: Int?) {
    while let stop = stops.last, stop <= computed { stops.removeLast() }
    nextStop = stops.last ?? spacing.map { max(computed, tokens.count) + $0 } ?? .max
  }
}
