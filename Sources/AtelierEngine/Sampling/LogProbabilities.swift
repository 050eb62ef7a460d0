import Foundation

/// Natural logarithms of probabilities from raw logits.
enum LogProbabilities {
  /// What lies this far below the maximum adds nothing that a `Float` could show, not even a vocabulary of it.
  private static let negligible: Float = 32

  /// log(sum(exp(logits))).
  static func normalizer(_ logits: UnsafeMutableBufferPointer<Float>, maximum: Float) -> Float {
    var sum = 0.0
    LogitScan.forEach(in: logits, atLeast: maximum - negligible) { _, logit in sum += Double(expf(logit - maximum)) }
    return Float(Double(maximum) + log(sum))
  }
}
