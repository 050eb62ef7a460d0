import AtelierCore

extension SchemaCompiler {
  /// One character of a JSON string, escaped or not. Surrogates are not escaped: half a pair would be no text.
  mutating func character() throws(AtelierError) -> String {
    try rules.add(
      #"[^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" ([0-9a-cefA-CEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}))"#,
      "char")
  }

  /// A string with its quotes; nil when none is possible.
  mutating func string(_ schema: JSONObject) throws(AtelierError) -> String? {
    guard let inside = try content(schema) else { return nil }
    return "\"\\\"\" \(inside) \"\\\"\""
  }

  private mutating func content(_ schema: JSONObject) throws(AtelierError) -> String? {
    var low = max(0, schema["minLength"]?.integerValue ?? 0)
    var high = schema["maxLength"]?.integerValue
    if let high, high < low { return nil }
    if let pattern = schema["pattern"]?.stringValue {
      guard let (set, least, most) = PatternCompiler.repeatedClass(pattern), let one = set.jsonExpression else {
        return try PatternCompiler.compile(pattern, into: &rules)
      }
      low = max(low, least)
      high = [high, most].compactMap(\.self).min()
      if let high, high < low { return nil }
      return GrammarRules.repeated(try rules.add(one, "class"), low, high)
    }
    if let format = schema["format"]?.stringValue, let pattern = Self.formats[format] {
      return try PatternCompiler.compile("^(\(pattern))$", into: &rules)
    }
    return GrammarRules.repeated(try character(), low, high)
  }

  private static let date =
    #"[12]\d{3}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"#
  private static let time = #"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"#
  private static let octet = #"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"#
  private static let label = #"[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?"#

  /// Regular expressions of the formats of JSON schema's vocabulary.
  private static let formats = [
    "date": date,
    "time": time,
    "date-time": date + "T" + time,
    "duration": #"P(\d{1,4}W|\d{1,4}D(T\d{1,4}[HMS])?|T\d{1,4}[HMS])"#,
    "uuid": #"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"#,
    "email": #"[a-zA-Z0-9_+-]{1,32}(\.[a-zA-Z0-9_+-]{1,32}){0,3}@\#(label)(\.\#(label)){1,3}"#,
    "hostname": #"\#(label)(\.\#(label)){0,4}"#,
    "ipv4": #"\#(octet)\.\#(octet)\.\#(octet)\.\#(octet)"#,
    "ipv6": #"[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}"#,
    "uri":
      #"[a-z][a-z0-9+-]{1,15}:(//\#(label)(\.\#(label)){0,4}(:\d{1,4})?)?(/[a-zA-Z0-9._~-]{0,64}){0,16}(\?[a-zA-Z0-9._~=&-]{0,128})?"#,
  ]
}
