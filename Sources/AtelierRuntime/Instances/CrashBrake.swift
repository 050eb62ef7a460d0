import AtelierCore

/// Too many deaths of a model's worker within a minute, three if not set otherwise, and that model is refused for a minute.
struct CrashBrake: Sendable {
  static let window = Duration.seconds(60)

  private var times: [String: [Duration]] = [:]

  mutating func died(_ modelKey: String, maxDeaths: Int, now: Duration) {
    // What lies longer back says nothing, of any model.
    times = times.filter { _, deaths in deaths.last.map { now - $0 < Self.window } ?? false }
    times[modelKey] = Array(((times[modelKey] ?? []).filter { now - $0 < Self.window } + [now]).suffix(maxDeaths))
  }

  func check(_ modelKey: String, maxDeaths: Int, now: Duration) throws(AtelierError) {
    guard let deaths = times[modelKey], deaths.count >= maxDeaths, let last = deaths.last,
      now - last < Self.window
    else { return }
    let wait = Int((Self.window - (now - last)).inSeconds.rounded(.up))
    throw AtelierError(
      .serverBusy,
      "The engine of model '\(modelKey)' died \(deaths.count) times within a minute. Try again in \(wait) seconds.",
      retryAfter: max(1, wait))
  }
}
