/// Seconds since some moment in this process's life; never goes back.
enum MonotonicClock {
  private static let origin = ContinuousClock.now

  static var seconds: Double { (ContinuousClock.now - origin) / .seconds(1) }
}
