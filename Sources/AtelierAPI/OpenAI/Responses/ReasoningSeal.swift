import AtelierCore
import Crypto
import Foundation

/// Marks text as this server's own, so that a client can keep it and hand it back: reasoning of clients that store nothing
/// here (openai.md 10.8). The text is readable, as the client has seen it anyway; what the mark prevents is that other
/// text, or another vendor's blob, is taken for it.
///
/// Form: `atl1.` and the base64 text of a SHA-256 HMAC (32 bytes) of the text, followed by the text as UTF-8.
package struct ReasoningSeal: Sendable, Hashable {
  private static let prefix = "atl1."

  private let key: [UInt8]

  /// Marks made with one key are only known with the same key.
  package init(key: [UInt8]) { self.key = key }

  func seal(_ text: String) -> String {
    let bytes = Data(text.utf8)
    let mark = HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: key))
    return Self.prefix + (Data(mark) + bytes).base64EncodedString()
  }

  /// The text; nil for what was not sealed with this key, or was changed.
  func open(_ sealed: String) -> String? {
    guard sealed.hasPrefix(Self.prefix), let data = Data(base64Encoded: String(sealed.dropFirst(Self.prefix.count))),
      data.count >= SHA256.byteCount
    else { return nil }
    let text = data.dropFirst(SHA256.byteCount)
    guard
      HMAC<SHA256>.isValidAuthenticationCode(
        data.prefix(SHA256.byteCount), authenticating: text, using: SymmetricKey(data: key))
    else { return nil }
    return String(validating: text, as: UTF8.self)
  }
}

extension ReasoningSeal: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "[redacted]" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
