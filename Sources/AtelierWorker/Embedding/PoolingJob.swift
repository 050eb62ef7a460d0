import AtelierWorkerProtocol

/// What an embedding or rerank request asks of the engine, and what its vectors mean.
struct PoolingJob: Sendable {
  /// Token ids.
  var inputs: [[Int32]]
  /// The request's field that holds an input, for errors.
  var param: @Sendable (_ input: Int) -> String
  /// Makes the answer of one vector per input, in their order, as the engine gave them.
  var report: @Sendable (_ vectors: [[Float]]) -> WorkerReport
}

extension [Float] {
  /// The vector of length 1 in its direction; one of zeros stays.
  func normalized() -> [Float] {
    var sum = 0.0
    for value in self { sum += Double(value) * Double(value) }
    let scale = sum > 0 ? Float(1 / sum.squareRoot()) : 0
    return map { $0 * scale }
  }
}
