import AtelierCore

/// Tokens per call at most, unless one input alone has more: short enough to be cancelled and seen to make progress.
private let tokensPerCall = 2048

extension [[Int32]] {
  /// Computes one result per input, in calls of limited size. `proceed` is asked before each call; when it says no, this
  /// throws `cancelled`. `compute` gets the inputs of a call and the index of its first one.
  func inCalls<Result>(
    proceed: () -> Bool, _ compute: ([[Int32]], _ start: Int) throws(AtelierError) -> [Result]
  ) throws(AtelierError) -> [Result] {
    var results: [Result] = []
    results.reserveCapacity(count)
    var start = 0
    while start < count {
      guard proceed() else { throw AtelierError(.cancelled, "The request was cancelled.") }
      var end = start + 1
      var tokens = self[start].count
      while end < count, tokens + self[end].count <= tokensPerCall {
        tokens += self[end].count
        end += 1
      }
      results += try compute(Array(self[start..<end]), start)
      start = end
    }
    guard results.count == count else {
      throw AtelierError(.generationFailed, "The model gave \(results.count) results for \(count) inputs.")
    }
    return results
  }
}
