import Foundation

/// Passes over a whole vocabulary, 16 numbers at a time.
enum LogitScan {
  static let width = 16
  typealias Lanes = SIMD16<Float>

  /// The greatest logit, -infinity when there is none. Not defined for NaN.
  static func maximum(_ logits: UnsafeMutableBufferPointer<Float>) -> Float {
    guard let base = logits.baseAddress else { return -.infinity }
    let whole = logits.count / width * width
    var lanes = Lanes(repeating: -.infinity)
    var index = 0
    while index < whole {
      let next = load(base, index)
      lanes.replace(with: next, where: next .> lanes)
      index += width
    }
    var result = lanes.max()
    while index < logits.count {
      if base[index] > result { result = base[index] }
      index += 1
    }
    return result
  }

  /// The first index whose logit is `value`.
  static func firstIndex(of value: Float, in logits: UnsafeMutableBufferPointer<Float>) -> Int? {
    guard let base = logits.baseAddress else { return nil }
    let whole = logits.count / width * width
    let wanted = Lanes(repeating: value)
    var index = 0
    while index < whole {
      if any(load(base, index) .== wanted) { break }
      index += width
    }
    while index < logits.count {
      if base[index] == value { return index }
      index += 1
    }
    return nil
  }

  /// Calls `body` in order with every logit that is not below `border`.
  @inline(__always)
  static func forEach(
    in logits: UnsafeMutableBufferPointer<Float>, atLeast border: Float, _ body: (Int, Float) -> Void
  ) {
    guard let base = logits.baseAddress else { return }
    let whole = logits.count / width * width
    let lanes = Lanes(repeating: border)
    var index = 0
    while index < whole {
      if any(load(base, index) .>= lanes) {
        for lane in index..<index + width where base[lane] >= border { body(lane, base[lane]) }
      }
      index += width
    }
    while index < logits.count {
      if base[index] >= border { body(index, base[index]) }
      index += 1
    }
  }

  /// The sum of exp(logit - maximum), added up in `Float` and in the vocabulary's order: to the last bit what llama.cpp's
  /// softmax adds up, because that decides where a cut falls.
  static func exponentialSum(_ logits: UnsafeMutableBufferPointer<Float>, maximum: Float) -> Float {
    let block = 64 * width
    var sum: Float = 0
    // An addend below half a unit in the last place of the sum (2^-25 of it) changes nothing: leave those out. Below -104
    // expf gives 0.
    var border: Float = -104
    var start = 0
    while start < logits.count {
      let end = min(start + block, logits.count)
      forEach(in: UnsafeMutableBufferPointer(rebasing: logits[start..<end]), atLeast: maximum + border) { _, logit in
        sum += expf(logit - maximum)
      }
      if sum > 0 { border = max(-104, logf(sum) - 17.5) }
      start = end
    }
    return sum
  }

  @inline(__always)
  static func load(_ base: UnsafeMutablePointer<Float>, _ index: Int) -> Lanes {
    UnsafeRawPointer(base + index).loadUnaligned(as: Lanes.self)
  }
}
