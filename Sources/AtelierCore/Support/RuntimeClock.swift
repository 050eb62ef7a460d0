import Foundation

/// Time as everything that waits needs it, so that tests can turn it by hand.
package protocol RuntimeClock: Sendable {
  /// Since an arbitrary start, never going back.
  var now: Duration { get }
  /// Milliseconds since 1970.
  var wallMilliseconds: Int64 { get }
  /// Returns at or after that time; throws when the task is cancelled.
  func sleep(until deadline: Duration) async throws
}

/// The machine's clocks; `now` counts from when this was made.
package struct SystemClock: RuntimeClock {
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant

  package init() { start = clock.now }

  package var now: Duration { start.duration(to: clock.now) }
  package var wallMilliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  package func sleep(until deadline: Duration) async throws {
    try await clock.sleep(until: start.advanced(by: deadline), tolerance: .milliseconds(50))
  }
}

extension Duration {
  /// Seconds with their fraction.
  package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
