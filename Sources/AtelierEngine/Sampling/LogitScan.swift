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

  @inline(__always)
  static func load(_ base: UnsafeMutablePointer<Float>, _ index: Int) -> Lanes {
    UnsafeRawPointer(base + index).loadUnaligned(as: Lanes.self)
  }
}
