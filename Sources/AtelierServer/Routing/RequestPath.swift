/// The path of a request as routes see it: without query and fragment, repeated and trailing slashes gone, each segment
/// percent-decoded on its own, so that `%2F` is a slash inside a segment and never a border.
struct RequestPath: Sendable, Hashable {
  /// At least one character each.
  let segments: [String]

  /// nil when an escape is broken or the text is not UTF-8.
  init?(target: String) {
    var path = target[...]
    if !path.hasPrefix("/"), let scheme = path.firstRange(of: "://") {
      // Absolute form, as proxies send it.
      path = path[scheme.upperBound...]
      path = path.firstIndex(of: "/").map { path[$0...] } ?? "/"
    }
    path = path.prefix { $0 != "?" && $0 != "#" }
    var segments: [String] = []
    for raw in path.split(separator: "/") {
      guard let segment = Self.decoded(raw) else { return nil }
      segments.append(segment)
    }
    self.segments = segments
  }

  static func decoded(_ text: Substring) -> String? {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
        return nil
      }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
