/// Time as everything that waits needs it, so that tests can turn it by hand.
package protocol RuntimeClock: Sendable {
  /// Since an arbitrary start, never going back.
  var now: Duration { get }
  /// Milliseconds since 1970.
  var wallMilliseconds: Int64 { get }
  /// Returns at or after that time; throws when the task is cancelled.
  func sleep(until deadline: Duration) async throws
}
