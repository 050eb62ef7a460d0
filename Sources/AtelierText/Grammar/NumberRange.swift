/// GBNF for the decimal texts of a range of numbers. What it allows lies in the range; of numbers between integers, those
/// with a bounded number of digits.
struct NumberRange {
  /// In units of 10^-`decimals`; nil: unbounded.
  private var low: Int?
  private var high: Int?
  private var decimals = 0

  private static let maxMagnitude = 1e15
  private static let integerDigits = 15

  /// Integers within the bounds; nil when a bound is too large to be handled.
  init?(integersFrom low: Double?, to high: Double?) {
    guard Self.isSmall(low), Self.isSmall(high) else { return nil }
    self.low = low.map { Int($0.rounded(.up)) }
    self.high = high.map { Int($0.rounded(.down)) }
  }

  /// Numbers within the bounds. An exclusive bound is moved by a small step.
  init?(numbersFrom low: (value: Double, isExclusive: Bool)?, to high: (value: Double, isExclusive: Bool)?) {
    guard Self.isSmall(low?.value), Self.isSmall(high?.value) else { return nil }
    let bounds = [low?.value, high?.value].compactMap { $0 }
    // Six digits behind the point, or fewer when the number is so large that they would not fit.
    var digits = bounds.contains { abs($0) > 1e9 } ? 2 : 6
    let isWhole = bounds.allSatisfy { $0 == $0.rounded() }
    if isWhole, low?.isExclusive != true, high?.isExclusive != true { digits = 0 }
    var unit = 1.0
    for _ in 0..<digits { unit *= 10 }
    decimals = digits
    self.low = low.map { Int(($0.value * unit).rounded(.up)) + ($0.isExclusive ? 1 : 0) }
    self.high = high.map { Int(($0.value * unit).rounded(.down)) - ($0.isExclusive ? 1 : 0) }
  }

  private static func isSmall(_ bound: Double?) -> Bool { abs(bound ?? 0) < maxMagnitude }

  var isEmpty: Bool { if let low, let high { low > high } else { false } }

  /// Expressions of which one is to match. `fractions`: numbers between integers too.
  func alternatives(fractions: Bool) -> [String] {
    guard !isEmpty else { return [] }
    var result: [String] = []
    let floor = max(low ?? 0, 0)
    if high.map({ $0 >= floor }) ?? true { result += nonNegative(floor, high, fractions) }
    // Below zero, mirrored; -0 is not written.
    let mirrored = max(-(high ?? -1), 1)
    if low.map({ -$0 >= mirrored }) ?? true {
      result += nonNegative(mirrored, low.map { -$0 }, fractions).map { "\"-\" \($0)" }
    }
    return result
  }

  private func nonNegative(_ low: Int, _ high: Int?, _ fractions: Bool) -> [String] {
    var unit = 1
    for _ in 0..<decimals { unit *= 10 }
    let (lowWhole, lowPart) = low.quotientAndRemainder(dividingBy: unit)
    let highWhole = high.map { $0 / unit }
    let highPart = high.map { $0 % unit }
    let fraction = fractions ? " (\".\" [0-9]{1,6})?" : ""
    var result: [String] = []
    if decimals == 0 {
      // The last integer is alone: nothing may follow its point.
      guard let highWhole else { return from(lowWhole).map { "(\($0))\(fraction)" } }
      guard !fraction.isEmpty else { return Self.integers(lowWhole, highWhole) }
      if highWhole > lowWhole { result += Self.integers(lowWhole, highWhole - 1).map { "(\($0))\(fraction)" } }
      return result + ["\"\(highWhole)\""]
    }
    let padded = { (part: Int) in String(String(part + unit).dropFirst()) }
    if let highWhole, let highPart, highWhole == lowWhole {
      return ["\"\(lowWhole).\" (\(Self.digits(padded(lowPart), padded(highPart))))"]
    }
    result.append("\"\(lowWhole).\" (\(Self.digits(padded(lowPart), padded(unit - 1))))")
    if lowPart == 0 { result.append("\"\(lowWhole)\"") }
    guard let highWhole, let highPart else { return result + from(lowWhole + 1).map { "(\($0))\(fraction)" } }
    if highWhole > lowWhole + 1 { result += Self.integers(lowWhole + 1, highWhole - 1).map { "(\($0))\(fraction)" } }
    result.append("\"\(highWhole)\"")
    if highPart > 0 { result.append("\"\(highWhole).\" (\(Self.digits(padded(0), padded(highPart))))") }
    return result
  }

  private func from(_ low: Int) -> [String] {
    let length = String(low).count
    guard length < Self.integerDigits else { return Self.integers(low, Int(Self.maxMagnitude) - 1) }
    var nines = 1
    for _ in 0..<length { nines *= 10 }
    return Self.integers(low, nines - 1) + ["[1-9] [0-9]{\(length),\(Self.integerDigits - 1)}"]
  }

  /// One expression per number of digits.
  private static func integers(_ low: Int, _ high: Int) -> [String] {
    var result: [String] = []
    var first = low
    while first <= high {
      var nines = 10
      while nines <= first { nines *= 10 }
      let last = min(high, nines - 1)
      result.append(digits(String(first), String(last)))
      first = last + 1
    }
    return result
  }

  /// Texts of one length between two, in the order of digits.
  private static func digits(_ low: String, _ high: String) -> String {
    guard let first = low.first, let last = high.first else { return "\"\"" }
    let (lowRest, highRest) = (String(low.dropFirst()), String(high.dropFirst()))
    guard !lowRest.isEmpty else { return range(first, last) }
    if first == last { return "\"\(first)\" (\(digits(lowRest, highRest)))" }
    let rest = lowRest.count
    var (start, end) = (first, last)
    var parts: [String] = []
    if lowRest.contains(where: { $0 != "0" }) {
      parts.append("\"\(first)\" (\(digits(lowRest, String(repeating: "9", count: rest))))")
      start = next(first)
    }
    var ending: String?
    if highRest.contains(where: { $0 != "9" }) {
      ending = "\"\(last)\" (\(digits(String(repeating: "0", count: rest), highRest)))"
      end = previous(last)
    }
    if start <= end { parts.append("\(range(start, end)) [0-9]{\(rest)}") }
    if let ending { parts.append(ending) }
    return parts.joined(separator: " | ")
  }

  private static func range(_ first: Character, _ last: Character) -> String {
    first == last ? "\"\(first)\"" : "[\(first)-\(last)]"
  }

  private static func next(_ digit: Character) -> Character { shifted(digit, by: 1) }
  private static func previous(_ digit: Character) -> Character { shifted(digit, by: -1) }

  private static func shifted(_ digit: Character, by offset: Int) -> Character {
    Character(String((digit.wholeNumberValue ?? 0) + offset))
  }
}
