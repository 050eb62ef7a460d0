/// Lets load progress through ten times a second at most, always 0 and 1, and never a value below an earlier one.
struct ProgressThrottle: Sendable {
  private static let interval = Duration.milliseconds(100)

  private var last: (value: Double, time: Duration)?

  /// What was said last; 0 before.
  var value: Double { last?.value ?? 0 }

  /// What to say now that the load is at `value`.
  mutating func values(for value: Double, now: Duration) -> [Double] {
    guard let last else {
      let first = value > 0 && value < 1 ? [0, value] : [0]
      self.last = (first.last ?? 0, now)
      return first
    }
    guard value > last.value, value < 1, now - last.time >= Self.interval else { return [] }
    self.last = (value, now)
    return [value]
  }

  /// What is still to be said when the load has ended well.
  mutating func final() -> [Double] { last == nil ? [0, 1] : [1] }
}
