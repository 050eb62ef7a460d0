/// Memory that all samplers of one engine share, one after the other: nothing is allocated per token. Grows to the
/// vocabulary once.
package final class SamplerScratch {
  private(set) var candidates: UnsafeMutablePointer<Candidate>
  private(set) var weights: UnsafeMutablePointer<Float>
  let histogram: UnsafeMutablePointer<Int32>
  /// Logits before bias and penalties changed them, in the order of the changes.
  var changed: [(token: Int, logit: Float)] = []
  private var capacity: Int

  package init(vocabularySize: Int) {
    capacity = max(1, vocabularySize)
    candidates = .allocate(capacity: capacity)
    weights = .allocate(capacity: capacity)
    histogram = .allocate(capacity: TopSelection.histogramSize)
    histogram.initialize(repeating: 0, count: TopSelection.histogramSize)
    changed.reserveCapacity(1024 + PenaltyWindow.size)
  }

  deinit {
    candidates.deallocate()
    weights.deallocate()
    histogram.deallocate()
  }

  func prepare(_ vocabularySize: Int) {
    changed.removeAll(keepingCapacity: true)
    guard vocabularySize > capacity else { return }
    candidates.deallocate()
    weights.deallocate()
    capacity = vocabularySize
    candidates = .allocate(capacity: capacity)
    weights = .allocate(capacity: capacity)
  }
}
