import AtelierCore

/// Turns a regular expression (ECMA-262, the part that JSON schemas use) into GBNF for the inside of a JSON string.
///
/// Throws `invalidJSONSchema` for what a grammar cannot say: look-around, back references, word boundaries, anchors inside.
struct PatternCompiler {
  private let source: [Unicode.Scalar]
  private var place = 0
  private var depth = 0
  /// Nesting of the repetitions read so far in this group.
  private var loops = 0
  private var rules: GrammarRules

  private static let maxRepetition = 2_000
  private static let maxNestedLoops = 4

  /// Appends its rules to `rules` and returns an expression of one symbol.
  static func compile(_ pattern: String, into rules: inout GrammarRules) throws(AtelierError) -> String {
    var compiler = PatternCompiler(pattern, rules)
    let body = try compiler.alternatives(isTop: true)
    guard compiler.place == compiler.source.count else { throw compiler.error("unbalanced parentheses") }
    rules = compiler.rules
    return try rules.add(body, "pattern")
  }

  /// The set and bounds of a pattern that is one repeated class, such as `^[a-z]+$`: length keywords can narrow it.
  static func repeatedClass(_ pattern: String) -> (set: ScalarSet, low: Int, high: Int?)? {
    var compiler = PatternCompiler(pattern, GrammarRules())
    guard compiler.take("^"), let set = try? compiler.oneScalar(), let bounds = try? compiler.quantifier(),
      compiler.take("$"), compiler.place == compiler.source.count
    else { return nil }
    return (set, bounds.low, bounds.high)
  }

  private init(_ pattern: String, _ rules: GrammarRules) {
    source = Array(pattern.unicodeScalars)
    self.rules = rules
  }

  private func error(_ reason: String) -> AtelierError {
    SchemaLimits.error("a pattern cannot be turned into a grammar (\(reason))")
  }

  private var next: Unicode.Scalar? { place < source.count ? source[place] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    place += 1
    return true
  }

  private mutating func alternatives(isTop: Bool) throws(AtelierError) -> String {
    var result: [String] = []
    repeat { result.append(try sequence(isTop: isTop)) } while take("|")
    return result.joined(separator: " | ")
  }

  /// At the top, what the pattern does not anchor may be preceded and followed by anything.
  private mutating func sequence(isTop: Bool) throws(AtelierError) -> String {
    var parts: [String] = []
    if isTop, !take("^") { parts.append(try anything()) }
    var isAnchored = false
    while let scalar = next, scalar != "|", scalar != ")" {
      if scalar == "$" {
        place += 1
        guard isTop, next == nil || next == "|" else { throw error("an anchor inside") }
        isAnchored = true
        break
      }
      let (symbol, inner) = try atom()
      let (low, high) = try quantifier() ?? (1, 1)
      // Loops in loops make a grammar's state grow exponentially, and the engine's thread with it.
      let nested = inner + ((high ?? 2) > 1 ? 1 : 0)
      guard nested <= Self.maxNestedLoops else { throw error("repetitions in repetitions") }
      loops = max(loops, nested)
      parts.append(GrammarRules.repeated(symbol, low, high))
    }
    if isTop, !isAnchored { parts.append(try anything()) }
    return parts.isEmpty ? "\"\"" : parts.joined(separator: " ")
  }

  private mutating func anything() throws(AtelierError) -> String {
    guard let any = ScalarSet.dot.jsonExpression else { return "\"\"" }
    return GrammarRules.repeated(try rules.add(any, "any"), 0, 64)
  }

  /// One symbol, and how deep repetitions are nested in it.
  private mutating func atom() throws(AtelierError) -> (symbol: String, loops: Int) {
    if take("(") {
      depth += 1
      guard depth <= SchemaLimits.standard.groupDepth else { throw error("groups too deep") }
      if take("?") {
        if take("<") {
          guard next != "=", next != "!" else { throw error("look-behind") }
          while let scalar = next, scalar != ">" { _ = take(scalar) }
          guard take(">") else { throw error("an unfinished group name") }
        } else if !take(":") {
          throw error("look-ahead")
        }
      }
      let outer = loops
      loops = 0
      let body = try alternatives(isTop: false)
      let inner = loops
      loops = outer
      guard take(")") else { throw error("unbalanced parentheses") }
      depth -= 1
      return (try rules.add(body, "group"), inner)
    }
    guard let expression = try oneScalar().jsonExpression else { throw error("an empty class") }
    return (expression.hasPrefix("(") ? try rules.add(expression, "class") : expression, 0)
  }

  private mutating func oneScalar() throws(AtelierError) -> ScalarSet {
    guard let scalar = next else { throw error("it ends early") }
    place += 1
    switch scalar {
    case ".": return .dot
    case "[": return try characterClass()
    case "\\": return try escape(inClass: false)
    case "*", "+", "?", "^", "$", ")", "(", "|": throw error("\(scalar) where something to match is expected")
    default: return ScalarSet([scalar.value...scalar.value])
    }
  }

  private mutating func characterClass() throws(AtelierError) -> ScalarSet {
    let isNegated = take("^")
    var set = ScalarSet()
    while !take("]") {
      let low = try classMember()
      guard next == "-", place + 1 < source.count, source[place + 1] != "]" else {
        set = set.union(low)
        continue
      }
      place += 1
      let high = try classMember()
      guard let first = low.single, let last = high.single, first <= last else { throw error("a bad range in a class") }
      set = set.union(ScalarSet([first...last]))
    }
    return isNegated ? set.inverted : set
  }

  private mutating func classMember() throws(AtelierError) -> ScalarSet {
    guard let scalar = next else { throw error("an unfinished class") }
    place += 1
    return scalar == "\\" ? try escape(inClass: true) : ScalarSet([scalar.value...scalar.value])
  }

  private mutating func escape(inClass: Bool) throws(AtelierError) -> ScalarSet {
    guard let scalar = next else { throw error("a trailing backslash") }
    place += 1
    func one(_ value: UInt32) -> ScalarSet { ScalarSet([value...value]) }
    switch scalar {
    case "d": return .digits
    case "w": return .word
    case "s": return .space
    case "D": return ScalarSet.digits.inverted.intersection(.printableASCII)
    case "W": return ScalarSet.word.inverted.intersection(.printableASCII)
    case "S": return ScalarSet.space.inverted.intersection(.printableASCII)
    case "n": return one(0x0A)
    case "r": return one(0x0D)
    case "t": return one(0x09)
    case "x": return one(try hexadecimal(2))
    case "u":
      if take("{") {
        var digits = ""
        while let scalar = next, scalar != "}", digits.count < 6 {
          digits.unicodeScalars.append(scalar)
          place += 1
        }
        guard take("}"), let value = UInt32(digits, radix: 16), value <= 0x10FFFF else { throw error("a bad escape") }
        return one(value)
      }
      return one(try hexadecimal(4))
    case _ where scalar.properties.isAlphabetic || scalar.properties.numericType != nil:
      // \b, \B, \1, \p…
      throw error("the escape \\\(scalar)")
    default: return one(scalar.value)
    }
  }

  private mutating func hexadecimal(_ count: Int) throws(AtelierError) -> UInt32 {
    var digits = ""
    for _ in 0..<count {
      guard let scalar = next else { break }
      digits.unicodeScalars.append(scalar)
      place += 1
    }
    guard digits.unicodeScalars.count == count, let value = UInt32(digits, radix: 16) else {
      throw error("a bad escape")
    }
    return value
  }

  /// Laziness changes nothing about what matches.
  private mutating func quantifier() throws(AtelierError) -> (low: Int, high: Int?)? {
    var bounds: (low: Int, high: Int?)
    if take("*") {
      bounds = (0, nil)
    } else if take("+") {
      bounds = (1, nil)
    } else if take("?") {
      bounds = (0, 1)
    } else if next == "{" {
      place += 1
      let low = number()
      let hasComma = take(",")
      let high = hasComma ? number() : low
      guard take("}"), let low, low <= Self.maxRepetition, (high ?? 0) <= Self.maxRepetition,
        high.map({ low <= $0 }) ?? true
      else { throw error("a bad repetition") }
      bounds = (low, high)
    } else {
      return nil
    }
    if next == "?" { place += 1 }
    guard next != "*", next != "+", next != "?" else { throw error("a repetition of a repetition") }
    return bounds
  }

  private mutating func number() -> Int? {
    var digits = ""
    while let scalar = next, ("0"..."9").contains(scalar), digits.count < 6 {
      digits.unicodeScalars.append(scalar)
      place += 1
    }
    return Int(digits)
  }
}

extension ScalarSet {
  fileprivate var single: UInt32? { ranges.count == 1 && ranges[0].count == 1 ? ranges[0].lowerBound : nil }
}
