/// Decides when a streamed answer that has nothing to say gives a sign of life. A value: time is passed in. Clients that do
/// not read are the `ConnectionGuard`'s business.
struct StreamTimer: Sendable {
  typealias Instant = ContinuousClock.Instant

  enum Action: Sendable, Hashable {
    case wait(until: Instant)
    /// Nothing was sent for a while: open the stream if it is not open, and send a sign of life.
    case keepAlive
  }

  private let keepAlive: Duration
  private var lastOutput: Instant
  private var isWriting = false

  init(keepAlive: Duration, now: Instant) {
    self.keepAlive = keepAlive
    lastOutput = now
  }

  mutating func wrote(at now: Instant) { lastOutput = now }
  mutating func writeBegan() { isWriting = true }
  mutating func writeEnded(at now: Instant) {
    isWriting = false
    lastOutput = now
  }

  func action(at now: Instant) -> Action {
    if isWriting { return .wait(until: now + keepAlive) }
    let deadline = lastOutput + keepAlive
    return now >= deadline ? .keepAlive : .wait(until: deadline)
  }
}
