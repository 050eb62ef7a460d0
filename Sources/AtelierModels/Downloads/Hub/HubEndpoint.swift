import AtelierCore
import AtelierEgress

/// Where the hub is and who we are there: `HF_ENDPOINT` and `HF_TOKEN`.
package struct HubEndpoint: Sendable, Hashable {
  package let base: WebAddress
  package let token: Secret?

  package static let standard = "https://huggingface.co"

  /// nil when `HF_ENDPOINT` is no URL. Its path, if any, goes before every path of the hub.
  package init?(environment: [String: String]) {
    let text = environment["HF_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.standard
    guard let base = WebAddress(text) else { return nil }
    self.base = base
    let token = environment["HF_TOKEN"] ?? environment["HUGGING_FACE_HUB_TOKEN"]
    self.token = token.flatMap { text in
      let text = text.filter { !$0.isWhitespace }
      return text.isEmpty ? nil : Secret(text)
    }
  }

  /// `path` begins with `/` and is percent-encoded.
  func url(_ path: String) -> WebAddress? {
    var prefix = base.target.prefix { $0 != "?" }
    while prefix.hasSuffix("/") { prefix = prefix.dropLast() }
    return base.at(prefix + path)
  }

  /// Everything but letters, digits and `-._~` is escaped; `/` only where `keepsSlashes` is false.
  static func escaped(_ text: String, keepsSlashes: Bool = false) -> String {
    var out = ""
    for byte in text.utf8 {
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "-._~".utf8.contains(byte) || (keepsSlashes && byte == 0x2F)
      if isPlain {
        out.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        out += "%" + (digits.count < 2 ? "0" : "") + digits
      }
    }
    return out
  }
}
