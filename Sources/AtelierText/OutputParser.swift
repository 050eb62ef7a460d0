/// Turns a model's text, piece by piece, into reasoning, message text and tool calls. Any chunking of the same text gives
/// the same concatenated result. Implementations: plain text, reasoning tags, and llama.cpp's own parsers for tool formats.
package protocol OutputParser {
  /// Feeds a piece; returns what is certain now.
  mutating func feed(_ text: String) -> [ParsedOutput]
  /// The text has ended: returns what was held back.
  mutating func finish() -> [ParsedOutput]
}
