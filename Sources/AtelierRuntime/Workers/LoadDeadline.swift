/// Until when a worker has to have said hello, then made progress, then loaded.
struct LoadDeadline: Sendable {
  private let timing: WorkerTiming
  private var next: Duration
  /// Of the whole load; nil before hello.
  private var last: Duration?

  init(timing: WorkerTiming, now: Duration) {
    self.timing = timing
    next = now + timing.start
  }

  mutating func began(now: Duration) {
    last = now + timing.load
    progressed(now: now)
  }

  mutating func progressed(now: Duration) {
    if let last { next = min(now + timing.loadStall, last) }
  }

  /// Time in which nothing could happen does not count.
  mutating func extend(by slept: Duration) {
    next += slept
    last = last.map { $0 + slept }
  }

  func isOver(now: Duration) -> Bool { next <= now }
}
