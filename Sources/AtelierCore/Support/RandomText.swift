/// Random identifiers from the system's generator.
package enum RandomText {
  private static let base62 = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".unicodeScalars)
  private static let base36 = Array("0123456789abcdefghijklmnopqrstuvwxyz".unicodeScalars)
  private static let base16 = Array("0123456789abcdef".unicodeScalars)

  package static func base62(_ count: Int) -> String { draw(count, from: base62) }
  package static func base36(_ count: Int) -> String { draw(count, from: base36) }
  package static func hexadecimal(_ count: Int) -> String { draw(count, from: base16) }

  private static func draw(_ count: Int, from alphabet: [Unicode.Scalar]) -> String {
    var generator = SystemRandomNumberGenerator()
    var text = String.UnicodeScalarView()
    for _ in 0..<count { text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]) }
    return String(text)
  }
}
