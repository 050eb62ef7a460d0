import AtelierCore

/// Three deaths of a model's worker within a minute, and that model is refused for a minute.
struct CrashBrake: Sendable {
  static let deaths = 3
  static let window = Duration.seconds(60)

  private var times: [String: [Duration]] = [:]

  mutating func died(_ modelKey: String, now: Duration) {
    times[modelKey] = Array(((times[modelKey] ?? []).filter { now - $0 < Self.window } + [now]).suffix(Self.deaths))
  }

  func check(_ modelKey: String, now: Duration) throws(AtelierError) {
    guard let deaths = times[modelKey], deaths.count == Self.deaths, let last = deaths.last,
      now - last < Self.window
    else { return }
    let wait = Int((Self.window - (now - last)).inSeconds.rounded(.up))
    throw AtelierError(
      .serverBusy, "The engine of model '\(modelKey)' died three times within a minute. Try again in \(wait) seconds.",
      retryAfter: max(1, wait))
  }
}
