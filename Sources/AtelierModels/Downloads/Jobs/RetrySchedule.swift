/// When a broken transfer is tried again: 5 times in a row without progress, each after a longer pause.
package struct RetrySchedule: Sendable, Hashable {
  package var limit = 5
  /// Seconds before the first; doubled each time.
  package var firstPause = 1.0
  /// Seconds.
  package var longestPause = 60.0
  /// Bytes that count as progress and start the count anew.
  package var progress: Int64 = 64 << 10

  package init(limit: Int = 5, firstPause: Double = 1, longestPause: Double = 60) {
    self.limit = limit
    self.firstPause = firstPause
    self.longestPause = longestPause
  }

  /// Seconds before retry `number` (from 1); nil when there are no more. `asked` is what the hub asked for.
  package func pause(before number: Int, asked: Int? = nil) -> Double? {
    guard (1...max(limit, 1)).contains(number), limit > 0 else { return nil }
    var pause = firstPause
    for _ in 1..<number { pause = min(pause * 2, longestPause) }
    return min(max(pause, Double(asked ?? 0)), longestPause)
  }
}
