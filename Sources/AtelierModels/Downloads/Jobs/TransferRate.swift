/// Bytes a second over the last 5 seconds. Times are seconds on any clock that does not go back.
package struct TransferRate: Sendable, Hashable {
  private struct Sample: Hashable {
    var time: Double
    /// Since the first sample.
    var bytes: Int64
  }

  package static let window = 5.0
  /// Pieces closer together than this share a sample, so that a window holds at most 51.
  private static let spacing = 0.1

  private var samples: [Sample] = []
  private var total: Int64 = 0

  package init() {}

  package mutating func begin(at time: Double) {
    samples = [Sample(time: time, bytes: 0)]
    total = 0
  }

  package mutating func add(_ bytes: Int64, at time: Double) {
    total += bytes
    if samples.count > 1, let last = samples.last, time - last.time < Self.spacing {
      samples[samples.count - 1].bytes = total
    } else {
      samples.append(Sample(time: time, bytes: total))
    }
    // One sample beyond the window stays, as its beginning.
    while samples.count > 2, samples[1].time <= time - Self.window { samples.removeFirst() }
  }

  /// 0 when nothing arrived in the window.
  package func bytesPerSecond(at time: Double) -> Double {
    guard let first = samples.first(where: { $0.time >= time - Self.window }), let last = samples.last else { return 0 }
    let before = samples.last { $0.time < time - Self.window } ?? first
    let span = max(min(time - before.time, Self.window), Self.spacing)
    return Double(last.bytes - before.bytes) / span
  }

  /// Seconds until `remaining` bytes are here; nil when nothing moves.
  package func secondsLeft(for remaining: Int64, at time: Double) -> Double? {
    let rate = bytesPerSecond(at: time)
    return rate > 0 ? Double(max(remaining, 0)) / rate : nil
  }
}
