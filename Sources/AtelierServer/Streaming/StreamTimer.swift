/// Decides what silence means for one streamed answer. A value: time is passed in.
struct StreamTimer: Sendable {
  typealias Instant = ContinuousClock.Instant

  enum Action: Sendable, Hashable {
    case wait(until: Instant)
    /// Nothing was sent for a while: open the stream if it is not open, and send a sign of life.
    case keepAlive
    /// The client has not taken a byte for too long.
    case cutOff
  }

  private let keepAlive: Duration
  private let stall: Duration
  private var lastOutput: Instant
  private var writingSince: Instant?

  init(keepAlive: Duration, stall: Duration, now: Instant) {
    self.keepAlive = keepAlive
    self.stall = stall
    lastOutput = now
  }

  mutating func wrote(at now: Instant) { lastOutput = now }
  mutating func writeBegan(at now: Instant) { writingSince = now }
  mutating func writeEnded(at now: Instant) {
    writingSince = nil
    lastOutput = now
  }

  func action(at now: Instant) -> Action {
    if let writingSince {
      let deadline = writingSince + stall
      return now >= deadline ? .cutOff : .wait(until: deadline)
    }
    let deadline = lastOutput + keepAlive
    return now >= deadline ? .keepAlive : .wait(until: min(deadline, now + stall))
  }
}
