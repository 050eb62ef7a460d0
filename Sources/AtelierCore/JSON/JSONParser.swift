/// A strict reader of one RFC 8259 document.
///
/// Refused: anything after the value, NaN and Infinity, a byte order mark, ill-formed UTF-8, raw control characters in
/// strings, numbers too large for a `Double` or longer than 1,024 bytes, and documents beyond the limits.
/// Accepted with a change: a lone surrogate escape becomes U+FFFD; an integer outside `Int64` becomes a number; of
/// members with the same name the last value stays, at the place of the first.
///
/// Beyond the input it takes the memory of the value it returns: strings are written once, at their final size.
struct JSONParser {
  private let base: UnsafeRawPointer
  private let count: Int
  private let limits: JSONLimits
  private var place = 0
  private var members = 0

  static let longestNumber = 1024

  /// The pointer is only used during the call.
  static func parse(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits) -> Result<JSONValue, JSONParseError> {
    guard let base = bytes.baseAddress else {
      return .failure(JSONParseError(offset: 0, reason: "the document is empty"))
    }
    var parser = JSONParser(base: base, count: bytes.count, limits: limits)
    do throws(JSONParseError) {
      return .success(try parser.document())
    } catch {
      return .failure(error)
    }
  }

  private init(base: UnsafeRawPointer, count: Int, limits: JSONLimits) {
    self.base = base
    self.count = count
    self.limits = limits
  }

  // MARK: Structure

  private mutating func document() throws(JSONParseError) -> JSONValue {
    if count >= 3, byte(0) == 0xEF, byte(1) == 0xBB, byte(2) == 0xBF {
      throw failure("a byte order mark is not allowed")
    }
    skipSpace()
    if place == count { throw failure("the document is empty") }
    let value = try value(depth: 0)
    skipSpace()
    if place < count { throw failure("unexpected text after the value") }
    return value
  }

  private mutating func value(depth: Int) throws(JSONParseError) -> JSONValue {
    guard place < count else { throw ended() }
    switch byte(place) {
    case UInt8(ascii: "\""):
      place += 1
      return .string(try string())
    case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
    case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"):
      try literal("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try literal("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try literal("null")
      return .null
    default: throw failure("expected a value")
    }
  }

  private mutating func object(depth: Int) throws(JSONParseError) -> JSONObject {
    try enter(depth)
    var object = JSONObject()
    skipSpace()
    if take(UInt8(ascii: "}")) { return object }
    while true {
      try countMember()
      guard take(UInt8(ascii: "\"")) else { throw expected("expected a member's name in double quotes") }
      let key = try string()
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw expected("expected ':' after a member's name") }
      skipSpace()
      object[key] = try value(depth: depth)
      skipSpace()
      if take(UInt8(ascii: "}")) { return object }
      guard take(UInt8(ascii: ",")) else { throw expected("expected ',' or '}' after a member") }
      skipSpace()
    }
  }

  private mutating func array(depth: Int) throws(JSONParseError) -> [JSONValue] {
    try enter(depth)
    var elements: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return elements }
    while true {
      try countMember()
      elements.append(try value(depth: depth))
      skipSpace()
      if take(UInt8(ascii: "]")) { return elements }
      guard take(UInt8(ascii: ",")) else { throw expected("expected ',' or ']' after an element") }
      skipSpace()
    }
  }

  private mutating func enter(_ depth: Int) throws(JSONParseError) {
    if depth > limits.depth { throw failure("nested deeper than \(limits.depth) levels") }
    place += 1
  }

  private mutating func countMember() throws(JSONParseError) {
    members += 1
    if members > limits.members { throw failure("more than \(limits.members) members in total") }
  }

  private mutating func literal(_ word: StaticString) throws(JSONParseError) {
    let length = word.utf8CodeUnitCount
    for index in 0..<length {
      guard place + index < count else {
        place = count
        throw ended()
      }
      if byte(place + index) != word.utf8Start[index] { throw failure("expected a value") }
    }
    place += length
  }

  // MARK: Strings

  /// Reads behind the opening quote, past the closing one.
  private mutating func string() throws(JSONParseError) -> String {
    let start = place
    let (end, isASCII) = JSONScan.plainRun(base, from: start, count: count)
    guard end < count else {
      place = count
      throw ended()
    }
    guard byte(end) == UInt8(ascii: "\"") else {
      return try escapedString(from: start, firstStop: end, isASCII: isASCII)
    }
    place = end + 1
    let bytes = UnsafeRawBufferPointer(start: base + start, count: end - start)
    if isASCII { return String(decoding: bytes, as: UTF8.self) }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw invalidUTF8(start..<end) }
    return text
  }

  /// Two passes: check everything up to the closing quote, then decode straight into the string's own storage. Escapes
  /// are ASCII, so the raw bytes are well-formed exactly when the decoded ones are.
  private mutating func escapedString(
    from start: Int, firstStop: Int, isASCII: Bool
  ) throws(JSONParseError) -> String {
    place = firstStop
    var isASCII = isASCII
    while true {
      guard place < count else { throw ended() }
      let stop = byte(place)
      if stop == UInt8(ascii: "\"") { break }
      if stop != UInt8(ascii: "\\") { throw failure("a control character must be escaped in a string") }
      try checkEscape()
      let run = JSONScan.plainRun(base, from: place, count: count)
      isASCII = isASCII && run.isASCII
      place = run.end
    }
    let end = place
    place += 1
    if !isASCII, JSONScan.invalidUTF8(base, start..<end) != nil { throw invalidUTF8(start..<end) }
    let source = UnsafeRawBufferPointer(start: base + start, count: end - start)
    return String(unsafeUninitializedCapacity: source.count) { JSONEscapes.decode(source, into: $0) }
  }

  private mutating func checkEscape() throws(JSONParseError) {
    guard place + 1 < count else {
      place = count
      throw ended()
    }
    switch byte(place + 1) {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      place += 2
    case UInt8(ascii: "u"):
      for index in 2..<6 {
        guard place + index < count else {
          place = count
          throw ended()
        }
        if JSONEscapes.hexadecimal(byte(place + index)) == nil {
          throw failure("expected four hexadecimal digits after \\u")
        }
      }
      place += 6
    default: throw failure("unknown escape in a string")
    }
  }

  // MARK: Numbers

  private mutating func number() throws(JSONParseError) -> JSONValue {
    let start = place
    let negative = take(UInt8(ascii: "-"))
    var digits = DecimalDigits()
    let whole = place
    try takeDigits(&digits)
    if place - whole > 1, byte(whole) == UInt8(ascii: "0") {
      place = whole
      throw failure("a number must not start with 0")
    }
    var isInteger = true
    var exponent = 0
    if take(UInt8(ascii: ".")) {
      isInteger = false
      let fraction = place
      try takeDigits(&digits)
      exponent = fraction - place
    }
    if place < count, byte(place) | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      place += 1
      let down = place < count && byte(place) == UInt8(ascii: "-")
      if down || (place < count && byte(place) == UInt8(ascii: "+")) { place += 1 }
      var power = DecimalDigits()
      try takeDigits(&power)
      let size = power.isExact && power.value < 100_000 ? Int(power.value) : 100_000
      exponent += down ? -size : size
    }
    if place - start > Self.longestNumber {
      place = start
      throw failure("a number must not be longer than \(Self.longestNumber) bytes")
    }
    if isInteger, digits.isExact, let value = digits.integer(negative: negative) { return .integer(value) }
    if let value = digits.double(exponent: exponent, negative: negative) { return .number(value) }
    let text = String(decoding: UnsafeRawBufferPointer(start: base + start, count: place - start), as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      place = start
      throw failure("a number is too large")
    }
    return .number(value)
  }

  /// At least one digit.
  @inline(__always)
  private mutating func takeDigits(_ digits: inout DecimalDigits) throws(JSONParseError) {
    let start = place
    while place < count {
      let digit = byte(place) &- UInt8(ascii: "0")
      if digit > 9 { break }
      digits.append(digit)
      place += 1
    }
    if place == start { throw expected("expected a digit") }
  }

  // MARK: Bytes

  @inline(__always) private func byte(_ place: Int) -> UInt8 { base.load(fromByteOffset: place, as: UInt8.self) }

  @inline(__always) private mutating func take(_ wanted: UInt8) -> Bool {
    guard place < count, byte(place) == wanted else { return false }
    place += 1
    return true
  }

  @inline(__always) private mutating func skipSpace() {
    while place < count {
      switch byte(place) {
      case 0x20, 0x0A, 0x0D, 0x09: place += 1
      default: return
      }
    }
  }

  // MARK: Faults

  private func failure(_ reason: String) -> JSONParseError { JSONParseError(offset: place, reason: reason) }
  private func ended() -> JSONParseError { failure("the document ends too early") }
  private func expected(_ reason: String) -> JSONParseError { place < count ? failure(reason) : ended() }

  private func invalidUTF8(_ range: Range<Int>) -> JSONParseError {
    JSONParseError(offset: JSONScan.invalidUTF8(base, range) ?? range.lowerBound, reason: "invalid UTF-8 in a string")
  }
}

extension JSONValue {
  /// Reads one JSON document: `[UInt8]`, `Data`, slices and views of them.
  package init(parsing bytes: some Sequence<UInt8>, limits: JSONLimits = .standard) throws(JSONParseError) {
    let result =
      bytes.withContiguousStorageIfAvailable { JSONParser.parse(UnsafeRawBufferPointer($0), limits: limits) }
      ?? Array(bytes).withUnsafeBytes { JSONParser.parse($0, limits: limits) }
    self = try result.get()
  }

  package init(parsing text: String, limits: JSONLimits = .standard) throws(JSONParseError) {
    var text = text
    self = try text.withUTF8 { JSONParser.parse(UnsafeRawBufferPointer($0), limits: limits) }.get()
  }
}
