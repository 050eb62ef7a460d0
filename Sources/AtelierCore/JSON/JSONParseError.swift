/// Why bytes are no acceptable JSON document.
package struct JSONParseError: Error, Sendable, Hashable {
  /// Bytes from the start of the document to the fault.
  package var offset: Int
  /// For people, without the document's text: `expected ':' after a member's name`.
  package var reason: String

  package init(offset: Int, reason: String) {
    self.offset = offset
    self.reason = reason
  }
}

extension JSONParseError: CustomStringConvertible {
  package var description: String { "\(reason) at byte \(offset)" }
}
