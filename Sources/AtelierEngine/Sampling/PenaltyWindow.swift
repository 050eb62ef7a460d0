/// The last tokens of a sequence, prompt included, and how often each occurs among them: what the penalties look at.
struct PenaltyWindow: Sendable {
  /// llama.cpp's default `penalty_last_n`.
  static let size = 64

  private var ring: [Int32] = []
  private var oldest = 0
  /// The distinct tokens of the ring.
  private(set) var counts: [(token: Int32, count: Int32)] = []

  init(prompt: [Int32]) {
    ring.reserveCapacity(Self.size)
    counts.reserveCapacity(Self.size + 1)
    for token in prompt.suffix(Self.size) { accept(token) }
  }

  mutating func accept(_ token: Int32) {
    if let index = counts.firstIndex(where: { $0.token == token }) {
      counts[index].count += 1
    } else {
      counts.append((token, 1))
    }
    guard ring.count == Self.size else {
      ring.append(token)
      return
    }
    forget(ring[oldest])
    ring[oldest] = token
    oldest = (oldest + 1) % Self.size
  }

  private mutating func forget(_ token: Int32) {
    guard let index = counts.firstIndex(where: { $0.token == token }) else { return }
    counts[index].count -= 1
    if counts[index].count == 0 {
      counts.swapAt(index, counts.count - 1)
      counts.removeLast()
    }
  }
}
