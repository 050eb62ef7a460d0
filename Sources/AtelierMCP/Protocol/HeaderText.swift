import Foundation

/// Values of the protocol's own HTTP headers (2026-07-28, "Standard request headers").
enum HeaderText {
  private static let start = "=?base64?"
  private static let end = "?="

  /// Printable ASCII without white space at its ends goes as it is; everything else, and what looks like the wrapped form,
  /// as `=?base64?…?=` of its UTF-8 bytes.
  static func encode(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    let hasEdge = text.hasPrefix(" ") || text.hasSuffix(" ")
    let looksWrapped = text.hasPrefix(start) && text.hasSuffix(end)
    guard !isPlain || hasEdge || looksWrapped else { return text }
    return start + Data(text.utf8).base64EncodedString() + end
  }
}
