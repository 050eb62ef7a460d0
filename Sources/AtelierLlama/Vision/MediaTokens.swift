/// Gives every picture an id of its own below 0, which stands for its rows among token ids.
///
/// Ids are counted, not made from a hash, so two pictures never share one and no one can make a picture that passes for
/// another in the prefix cache. After 2^31 pictures they are used anew: by then nothing of the first is in memory, since
/// every picture takes cells. A file that was forgotten here gets new ids, which costs only the reuse of its prefix.
struct MediaTokens<Key: Hashable & Sendable>: Sendable {
  private let capacity: Int
  private var known: [Key: [Int32]] = [:]
  private var order: [Key] = []
  private var next: Int32

  /// Remembers the ids of `capacity` files.
  init(capacity: Int = 1024, first: Int32 = -1) {
    self.capacity = max(1, capacity)
    next = first
  }

  /// The ids of a file's pictures; the same for the same file.
  mutating func tokens(for key: Key, count: Int) -> [Int32] {
    if let tokens = known[key], tokens.count == count { return tokens }
    var tokens: [Int32] = []
    for _ in 0..<count {
      tokens.append(next)
      next = next == .min ? -1 : next - 1
    }
    if known.updateValue(tokens, forKey: key) == nil { order.append(key) }
    if order.count > capacity { known[order.removeFirst()] = nil }
    return tokens
  }
}
