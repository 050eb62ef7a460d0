/// Ends a text at the first of several stop strings, also across the borders of pieces. Holds back only what could still
/// become a stop string.
package struct StopStringFilter: Sendable {
  private let stops: [String]
  private var scanner: PatternScanner
  /// The stop string that was found; it and what follows it are not part of the text. The one that is complete first wins;
  /// of several that end at one byte, the longest.
  package private(set) var matchedStop: String?

  /// Empty stop strings are ignored.
  package init(stops: [String]) {
    self.stops = stops.filter { !$0.isEmpty }
    scanner = PatternScanner(self.stops)
  }

  /// Feeds a piece; returns the text that is certain now. Empty after a match.
  package mutating func feed(_ text: String) -> String {
    guard matchedStop == nil else { return "" }
    let output = scanner.feed(text)
    matchedStop = output.match.map { stops[$0] }
    return output.text
  }

  /// The text has ended: returns what was held back.
  package mutating func finish() -> String { matchedStop == nil ? scanner.finish() : "" }
}
