/// How many threads a step uses. ggml's threads wait for each other after every operation, so when another process takes a
/// core, all of them run at the pace of the one that has to share: fewer threads with a core each are faster.
///
/// The sign is the time that threads wait for a core though they could run. (Processor time missing to `wall × threads` is
/// none: threads also sleep where an operation leaves them nothing to do.) After a while the full count is tried again,
/// ever more rarely.
package struct ThreadGovernor: Sendable {
  /// Part of a core that may be waited for before it counts as taken.
  private static let tolerance = 0.35
  /// Seconds of computing that one judgement rests on.
  private static let window = 0.06
  private static let shortestHold = 1.0
  private static let longestHold = 16.0

  package let maximum: Int
  /// What the next step should use; 1…`maximum`.
  package private(set) var threads: Int

  private var wall = 0.0
  /// The waiting time when the window began.
  private var start: Double?
  private var hold = shortestHold
  /// Seconds of computing left before the full count is tried again.
  private var remaining = 0.0

  package init(maximum: Int) {
    self.maximum = max(1, maximum)
    threads = self.maximum
  }

  /// Takes in a step that was computed with `threads` threads; seconds. `waited` gives the time the process's threads have
  /// waited for a core, all together since any fixed moment, or nil where the system does not tell; asked now and then.
  package mutating func record(wall stepWall: Double, waited: () -> Double?) {
    guard maximum > 1, stepWall > 0 else { return }
    if threads < maximum {
      remaining -= stepWall
      if remaining <= 0 { threads = maximum }
      return
    }
    guard let start else {
      start = waited()
      return
    }
    wall += stepWall
    guard wall >= Self.window, let now = waited() else { return }
    let missing = (now - start) / wall
    wall = 0
    self.start = now
    if missing > Self.tolerance {
      threads = max(1, threads - max(1, Int(missing.rounded())))
      self.start = nil
      remaining = hold
      hold = min(Self.longestHold, hold * 2)
    } else {
      hold = Self.shortestHold
    }
  }
}
