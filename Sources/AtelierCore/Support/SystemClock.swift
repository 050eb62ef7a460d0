import Foundation

/// The machine's clocks; `now` counts from when this was made.
package struct SystemClock: RuntimeClock {
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant

  package init() { start = clock.now }

  package var now: Duration { start.duration(to: clock.now) }
  package var wallMilliseconds: Int64 { Self.wallMilliseconds }
  package static var wallMilliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  package func sleep(until deadline: Duration) async throws {
    try await clock.sleep(until: start.advanced(by: deadline), tolerance: .milliseconds(50))
  }
}
