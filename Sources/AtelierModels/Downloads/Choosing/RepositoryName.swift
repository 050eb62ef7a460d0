/// `owner/name` on the hub, safe as two folder names: letters, digits, `.`, `_` and `-`, at most 96 each, no leading dot.
package struct RepositoryName: Sendable, Hashable {
  package let owner: String
  package let name: String

  package init?(owner: some StringProtocol, name: some StringProtocol) {
    guard Self.isSafe(owner), Self.isSafe(name) else { return nil }
    self.owner = String(owner)
    self.name = String(name)
  }

  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    self.init(owner: parts[0], name: parts[1])
  }

  static func isSafe(_ text: some StringProtocol) -> Bool {
    (1...96).contains(text.utf8.count) && !text.hasPrefix(".")
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D
          || byte == 0x2E || byte == 0x5F
      }
  }
}

extension RepositoryName: CustomStringConvertible {
  package var description: String { "\(owner)/\(name)" }
}
