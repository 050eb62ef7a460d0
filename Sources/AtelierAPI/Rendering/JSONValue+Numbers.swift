import AtelierCore

extension JSONValue {
  static func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }

  /// Seconds or a rate, to the thousandth: more digits would be noise. Never NaN or infinite.
  static func measure(_ value: Double) -> JSONValue {
    guard value.isFinite else { return .integer(0) }
    return plain((value * 1000).rounded() / 1000)
  }

  /// A number without an empty fraction: `4`, not `4.0`.
  static func plain(_ value: Double) -> JSONValue {
    Int64(exactly: value).map(JSONValue.integer) ?? .number(value)
  }

  static func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

  /// The object some JSON text holds, an empty one if it holds none.
  static func object(text: String) -> JSONValue {
    guard let value = try? JSONValue(parsing: text), value.objectValue != nil else { return .object([:]) }
    return value
  }
}
