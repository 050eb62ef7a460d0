/// The times of the last few steps.
struct RecentTimes: Sendable {
  private static let size = 5

  private var ring = SIMD8<Double>(repeating: .infinity)
  private var next = 0
  private(set) var count = 0

  var isFull: Bool { count == Self.size }

  mutating func add(_ seconds: Double) {
    ring[next] = seconds
    next = (next + 1) % Self.size
    count = min(Self.size, count + 1)
  }

  /// The middle one; of an even number, the greater of the two; infinite without any.
  var median: Double {
    for index in 0..<count {
      var below = 0
      var same = 0
      for other in 0..<count {
        if ring[other] < ring[index] { below += 1 } else if ring[other] == ring[index] { same += 1 }
      }
      if below <= count / 2 && count / 2 < below + same { return ring[index] }
    }
    return .infinity
  }
}
