import Foundation

/// Natural logarithms of probabilities from raw logits.
enum LogProbabilities {
  /// What lies this far below the maximum adds nothing that a `Float` could show, not even a vocabulary of it.
  private static let negligible: Float = 40

  /// log(sum(exp(logits))).
  static func normalizer(_ logits: UnsafeMutableBufferPointer<Float>, maximum: Float) -> Float {
    var sum = 0.0
    for logit in logits {
      let distance = logit - maximum
      if distance > -negligible { sum += Double(expf(distance)) }
    }
    return Float(Double(maximum) + log(sum))
  }
}
