import Foundation

/// Numbers and foreign text as people read them.
enum HumanText {
  /// Decimal units, as file managers show them: `98.6 MB`, `4.68 GB`.
  static func size(_ bytes: Int) -> String {
    if bytes < 1000 { return "\(max(0, bytes)) B" }
    var value = Double(bytes) / 1000
    for unit in ["kB", "MB"] {
      if value < 999.95 { return decimal(value, 1) + " " + unit }
      value /= 1000
    }
    return value < 999.995 ? decimal(value, 2) + " GB" : decimal(value / 1000, 2) + " TB"
  }

  /// Both in the unit of the second: `1.31/4.68 GB`.
  static func progress(_ done: Int, of total: Int) -> String {
    let whole = size(total)
    guard let unit = whole.split(separator: " ").last else { return whole }
    let divisor: Double =
      switch unit {
      case "kB": 1e3
      case "MB": 1e6
      case "GB": 1e9
      case "TB": 1e12
      default: 1
      }
    let digits = divisor == 1 ? 0 : divisor >= 1e9 ? 2 : 1
    return decimal(Double(max(0, min(done, total))) / divisor, digits) + "/" + whole
  }

  /// `0:41`, `12:05`, `1:02:03`.
  static func duration(_ seconds: Double) -> String {
    let total = Int(min(max(0, seconds), 359_999).rounded(.up))
    let rest = total % 60
    let minutes = total / 60 % 60
    let hours = total / 3600
    let tail = (rest < 10 ? "0" : "") + "\(rest)"
    return hours > 0 ? "\(hours):\(minutes < 10 ? "0" : "")\(minutes):\(tail)" : "\(minutes):\(tail)"
  }

  /// `0.4 s`, `12 s`, `3:05 min`.
  static func elapsed(_ seconds: Double) -> String {
    seconds < 10 ? decimal(max(0, seconds), 1) + " s" : seconds < 60 ? "\(Int(seconds)) s" : duration(seconds) + " min"
  }

  /// `2026-01-31 10:15` of an ISO 8601 time or of milliseconds since 1970, in UTC.
  static func minute(_ time: String) -> String { String(time.prefix(16)).replacing("T", with: " ") }

  static func count(_ number: Int, _ singular: String, _ plural: String? = nil) -> String {
    "\(number) \(number == 1 ? singular : plural ?? singular + "s")"
  }

  /// In one line and without control characters, which a terminal would obey: names come from files and from the hub.
  static func plain(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
  }

  /// As `plain`, but lines stay lines: what a model writes.
  static func lines(_ text: String) -> String {
    String(
      String.UnicodeScalarView(text.unicodeScalars.filter { $0 == "\n" || $0 == "\t" || !isControl($0) }))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .control || (0x2028...0x202E).contains(scalar.value)
      || (0x2066...0x2069).contains(scalar.value)
  }

  static func decimal(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}
