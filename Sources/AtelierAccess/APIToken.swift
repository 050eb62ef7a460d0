import AtelierCore

/// A token as clients send it: `sk-lm-`, 8 characters of id, `:`, 20 characters of secret (native.md 3.4). LM Studio's client
/// libraries refuse every other shape before they send it.
package struct APIToken: Sendable, Hashable {
  package static let prefix = "sk-lm-"
  package static let idLength = 8
  /// Letters and digits: about 119 bits.
  package static let secretLength = 20

  package let id: String
  package let secret: Secret

  private init(id: String, secret: Secret) {
    self.id = id
    self.secret = secret
  }

  /// nil when the text has another shape.
  package init?(_ text: Secret) {
    guard text.value.hasPrefix(Self.prefix) else { return nil }
    let parts = text.value.dropFirst(Self.prefix.count).split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, Self.isPlain(parts[0], Self.idLength), Self.isPlain(parts[1], Self.secretLength) else {
      return nil
    }
    self.init(id: String(parts[0]), secret: Secret(String(parts[1])))
  }

  /// A new one from the system's generator.
  package static func generate() -> APIToken {
    APIToken(id: RandomText.base62(idLength), secret: Secret(RandomText.base62(secretLength)))
  }

  /// To be shown once.
  package var text: Secret { Secret("\(Self.prefix)\(id):\(secret.value)") }

  /// What may be repeated of a text that was sent as a token: enough to recognise it, too little to use it.
  package static func excerpt(of text: Secret) -> String {
    let start = text.value.hasPrefix(prefix) ? prefix : ""
    let rest = text.value.dropFirst(start.count)
    let shown = rest.prefix(min(6, rest.count / 2))
    let plain = shown.unicodeScalars.map { $0.isASCII && $0.value > 32 && $0.value < 127 ? Character($0) : "?" }
    return "'\(start)\(String(plain))…'"
  }

  private static func isPlain(_ text: Substring, _ count: Int) -> Bool {
    text.utf8.count == count
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
      }
  }
}
