import Synchronization

/// How far a load is: fed by the engine from any thread, read by whoever asks.
final class LoadMeter: Sendable {
  private let throttle = Mutex(ProgressThrottle())

  /// 0…1.
  var value: Double { throttle.withLock { $0.value } }

  /// What to say now that the load is at `progress`.
  func values(for progress: Double, now: Duration) -> [Double] {
    throttle.withLock { $0.values(for: progress, now: now) }
  }

  /// What is still to be said when the load has ended well.
  func final() -> [Double] { throttle.withLock { $0.final() } }
}
