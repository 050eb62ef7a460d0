/// How many threads a step uses. ggml's threads wait for each other after every operation, so when another process takes a
/// core, all of them run at the pace of the one that has to share: fewer threads with a core each are faster.
///
/// The sign is processor time: threads that compute or spin use all the time they are given, so what is missing to
/// `wall × threads` went to somebody else. After a while the full count is tried again, ever more rarely.
package struct ThreadGovernor: Sendable {
  /// Part of a core that may be missing before it counts as taken.
  private static let tolerance = 0.35
  /// Seconds of computing that one judgement rests on.
  private static let window = 0.06
  private static let shortestHold = 1.0
  private static let longestHold = 16.0

  package let maximum: Int
  /// What the next step should use; 1…`maximum`.
  package private(set) var threads: Int

  private var wall = 0.0
  private var processor = 0.0
  private var hold = shortestHold
  /// Seconds of computing left before the full count is tried again.
  private var remaining = 0.0

  package init(maximum: Int) {
    self.maximum = max(1, maximum)
    threads = self.maximum
  }

  /// Takes in a step that was computed with `threads` threads; both times in seconds, `processor` summed over all threads.
  package mutating func record(wall stepWall: Double, processor stepProcessor: Double) {
    guard maximum > 1, stepWall > 0 else { return }
    if threads < maximum {
      remaining -= stepWall
      if remaining <= 0 { threads = maximum }
      return
    }
    wall += stepWall
    processor += stepProcessor
    guard wall >= Self.window else { return }
    let missing = Double(threads) - processor / wall
    wall = 0
    processor = 0
    if missing > Self.tolerance {
      threads = max(1, threads - max(1, Int(missing.rounded())))
      remaining = hold
      hold = min(Self.longestHold, hold * 2)
    } else {
      hold = Self.shortestHold
    }
  }
}
