import AtelierCore

/// GBNF text under construction: named rules, each with a body. Bounded, because a schema's rules multiply.
struct GrammarRules {
  /// Bytes of all rules together (threat model: expanded grammar).
  private static let maxBytes = 1 << 20

  /// Before every name, so that the rules can stand beside those of others.
  private static let prefix = "a-"

  private var bodies: [String: String] = [:]
  private var order: [String] = []
  private var reserved: Set<String> = []
  private var names: [String: String] = [:]
  private var bytes = 0

  /// The rules' text, in the order added.
  var text: String {
    order.compactMap { name in bodies[name].map { "\(name) ::= \($0)\n" } }.joined()
  }

  /// Adds a rule and returns its name; a body that is there already keeps the name it has. Throws `invalidJSONSchema` past
  /// the bound.
  mutating func add(_ body: String, _ hint: String = "r") throws(AtelierError) -> String {
    if let name = names[body] { return name }
    let name = try reserve(hint)
    try define(name, body)
    names[body] = name
    return name
  }

  /// A name whose rule is still to be defined: recursion needs it.
  mutating func reserve(_ hint: String) throws(AtelierError) -> String {
    let name = "\(Self.prefix)\(hint)-\(order.count)"
    order.append(name)
    reserved.insert(name)
    try count(name.utf8.count)
    return name
  }

  mutating func define(_ name: String, _ body: String) throws(AtelierError) {
    if reserved.insert(name).inserted { order.append(name) }
    bodies[name] = body
    try count(body.utf8.count + 8)
  }

  private mutating func count(_ more: Int) throws(AtelierError) {
    bytes += more
    guard bytes <= Self.maxBytes else { throw SchemaLimits.error("its grammar exceeds 1 MiB") }
  }

  /// A GBNF literal.
  static func literal(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += hexadecimal(scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// A scalar inside a character class, always escaped unless a letter or digit.
  static func classMember(_ value: UInt32) -> String {
    switch value {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: String(UnicodeScalar(UInt8(value)))
    default: hexadecimal(value)
    }
  }

  private static func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    let (prefix, width) = value <= 0xFF ? ("\\x", 2) : value <= 0xFFFF ? ("\\u", 4) : ("\\U", 8)
    return prefix + String(repeating: "0", count: width - digits.count) + digits
  }

  /// `{low,high}` behind an expression that is one symbol.
  static func repeated(_ symbol: String, _ low: Int, _ high: Int?) -> String {
    switch (low, high) {
    case (_, 0?): "\"\""
    case (1, 1?): symbol
    case (0, 1?): symbol + "?"
    case (0, nil): symbol + "*"
    case (1, nil): symbol + "+"
    case (_, nil): "\(symbol){\(low),}"
    case (_, let high?): low == high ? "\(symbol){\(low)}" : "\(symbol){\(low),\(high)}"
    }
  }
}
