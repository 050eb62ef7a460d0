/// The digits of a decimal number as far as they fit 64 bits.
struct DecimalDigits {
  private(set) var value: UInt64 = 0
  /// False once a digit did not fit; `value` then says nothing.
  private(set) var isExact = true

  @inline(__always)
  mutating func append(_ digit: UInt8) {
    let (product, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
    value = sum
    if overflow || carry { isExact = false }
  }

  func integer(negative: Bool) -> Int64? {
    guard negative else { return Int64(exactly: value) }
    if value == UInt64(Int64.max) + 1 { return .min }
    return Int64(exactly: value).map { -$0 }
  }

  /// The correctly rounded value of `digits × 10^exponent` where one exact operation gives it (both operands exact in
  /// binary64: Clinger 1990), else nil.
  func double(exponent: Int, negative: Bool) -> Double? {
    guard isExact, value <= 1 << 53, exponent.magnitude <= 22 else { return nil }
    let magnitude = Double(value)
    let power = Self.powers[Int(exponent.magnitude)]
    let result = exponent < 0 ? magnitude / power : magnitude * power
    return negative ? -result : result
  }

  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]
}
