import Foundation

/// llama.cpp's chain written down plainly: every candidate in an array, everything sorted.
struct ReferenceSampler {
  var temperature: Float
  var topK: Int
  var topP: Float
  var minP: Float
  var repeatPenalty: Float = 1
  var presencePenalty: Float = 0
  var frequencyPenalty: Float = 0
  var bias: [Int: Float] = [:]

  /// The token for a draw `uniform` in 0..<1.
  func sample(_ logits: [Float], recent: [Int32], uniform: Double) -> Int {
    var all = logits
    for (token, value) in bias { all[token] += value }
    for (token, count) in Dictionary(recent.suffix(64).map { (Int($0), 1) }, uniquingKeysWith: +) {
      all[token] = all[token] <= 0 ? all[token] * repeatPenalty : all[token] / repeatPenalty
      all[token] -= Float(count) * frequencyPenalty + presencePenalty
    }
    var left = all.enumerated().map { (token: $0.offset, logit: $0.element) }
    var sorted = false
    func sort() {
      left.sort { $0.logit > $1.logit || ($0.logit == $1.logit && $0.token < $1.token) }
      sorted = true
    }
    if temperature <= 0 {
      sort()
      return left[0].token
    }
    if topK > 0 {
      sort()
      left = Array(left.prefix(topK))
    }
    if topP < 1 {
      let greatest = left.map(\.logit).max() ?? 0
      let sum = left.reduce(Float(0)) { $0 + expf($1.logit - greatest) }
      if !sorted { sort() }
      var reached: Float = 0
      for index in left.indices {
        reached += expf(left[index].logit - greatest) / sum
        if reached >= topP {
          left = Array(left[...index])
          break
        }
      }
    }
    if minP > 0 {
      let border = (left.map(\.logit).max() ?? 0) + logf(minP)
      left = left.filter { $0.logit >= border }
    }
    let scaled = left.map { $0.logit / temperature }
    let greatest = scaled.max() ?? 0
    let weights = scaled.map { Double(expf($0 - greatest)) }
    let target = weights.reduce(0, +) * uniform
    var reached = 0.0
    for index in left.indices {
      reached += weights[index]
      if reached >= target { return left[index].token }
    }
    return left.last?.token ?? 0
  }
}
