import AtelierCore

/// Counts what went wrong per address within a minute.
struct FailureThrottle: Sendable {
  private struct Count: Sendable {
    var since: Duration
    var failures: Int
  }

  private let limit: Int
  private var counts: [String: Count] = [:]

  private static let window = Duration.seconds(60)
  /// Addresses remembered at most; the one that began first goes.
  private static let most = 4096

  init(limit: Int) { self.limit = limit }

  /// Notes a failure. Seconds to wait when there were more than the limit, else nil.
  mutating func failed(from address: String, now: Duration) -> Int? {
    if let count = counts[address], now - count.since < Self.window {
      // Beyond the limit the count stands still: it says nothing more.
      guard count.failures >= limit else {
        counts[address] = Count(since: count.since, failures: count.failures + 1)
        return nil
      }
      return max(1, Int((count.since + Self.window - now).inSeconds.rounded(.up)))
    }
    if counts.count >= Self.most, counts[address] == nil {
      counts = counts.filter { now - $0.value.since < Self.window }
      if counts.count >= Self.most, let oldest = counts.min(by: { $0.value.since < $1.value.since }) {
        counts[oldest.key] = nil
      }
    }
    counts[address] = Count(since: now, failures: 1)
    return nil
  }

  var remembered: Int { counts.count }
}
