import AtelierCore
import Foundation

/// Times of tokens: milliseconds since 1970, as text ISO 8601 in UTC.
package enum TokenTime {
  package static var now: Int64 { SystemClock.wallMilliseconds }

  package static func text(_ milliseconds: Int64) -> String {
    // In the middle of the millisecond, because a date holds it inexactly and formatting cuts off the rest.
    Date(timeIntervalSince1970: (TimeInterval(milliseconds) + 0.5) / 1000)
      .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  /// nil when the text is no such time.
  static func milliseconds(_ text: String) -> Int64? {
    let styles = [Date.ISO8601FormatStyle(includingFractionalSeconds: true), Date.ISO8601FormatStyle()]
    for style in styles {
      if let date = try? Date(text, strategy: style) { return Int64((date.timeIntervalSince1970 * 1000).rounded()) }
    }
    return nil
  }

  package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
  }

  /// When a token ends: `never` (nil), a span such as `45m`, `12h`, `30d` or `2w`, a day (`2027-01-31`, its beginning in UTC) or
  /// a time.
  package static func expiry(_ text: String, now: Int64) throws(Problem) -> Int64? {
    if text == "never" { return nil }
    let seconds: [Character: Int64] = ["m": 60, "h": 3600, "d": 86_400, "w": 604_800]
    let end: Int64?
    if let unit = text.last.flatMap({ seconds[$0] }), let count = Int64(text.dropLast()),
      (1...5_256_000).contains(count)
    {
      end = now + count * unit * 1000
    } else {
      end = milliseconds(text.count == 10 ? text + "T00:00:00Z" : text)
    }
    guard let end else {
      throw Problem(
        description: "'\(text)' is no time; write 30d, 12h, 2027-01-31, 2027-01-31T12:00:00Z or never.")
    }
    guard end > now else { throw Problem(description: "'\(text)' has passed.") }
    return end
  }
}
