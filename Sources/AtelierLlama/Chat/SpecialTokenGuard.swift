/// Keeps the spelling of control tokens inside a client's strings from becoming those tokens.
///
/// Before rendering, each such spelling is replaced by one character that stands for it: a private-use scalar of plane 15.
/// After rendering, `segments` splits the prompt at these characters: what the template wrote is tokenized with special
/// tokens, what a character stood for is tokenized as text. Private-use scalars that the client wrote are replaced in the
/// same way, so the client cannot forge one. Images have such a character too.
struct SpecialTokenGuard: Sendable {
  struct Segment: Equatable {
    var text: String
    /// Written by the template: special tokens' spellings in it are those tokens.
    var parsesSpecial: Bool
    /// The place of that image; then the text is empty.
    var image: Int?
  }

  private let table: SpellingTable
  private var replaced: [String] = []
  private var markers: [String: Unicode.Scalar] = [:]
  /// By place in `replaced`.
  private var images: [Int: Int] = [:]
  /// More different replacements were needed than there are markers.
  private(set) var isExhausted = false

  private static let range: ClosedRange<UInt32> = 0xF0000...0xFFFFD

  init(_ table: SpellingTable) { self.table = table }

  /// False while nothing had to be replaced.
  var isActive: Bool { !replaced.isEmpty }

  mutating func protect(_ text: String) -> String {
    var text = text
    var result: [UInt8]?
    text.withUTF8 { bytes in
      var place = 0
      var copied = 0
      while place < bytes.count {
        let length = foreignLength(bytes, at: place)
        if length == 0 {
          place += 1
          continue
        }
        let spelling = String(decoding: bytes[place..<place + length], as: UTF8.self)
        var output = result ?? []
        output.append(contentsOf: bytes[copied..<place])
        output.append(contentsOf: String(Character(marker(for: spelling))).utf8)
        result = output
        place += length
        copied = place
      }
      result?.append(contentsOf: bytes[copied...])
    }
    return result.map { String(decoding: $0, as: UTF8.self) } ?? text
  }

  /// Bytes at the place that must not reach the template as they are: a control token's spelling, or a scalar of the
  /// markers' plane (F3 B0…BF xx xx in UTF-8).
  private func foreignLength(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> Int {
    if bytes[place] == 0xF3, place + 3 < bytes.count, bytes[place + 1] >= 0xB0 { return 4 }
    return table.match(bytes, at: place)
  }

  /// A character that stands for an image until the prompt is split.
  mutating func marker(forImage image: Int) -> String {
    images[replaced.count] = image
    return String(Character(newMarker(for: "")))
  }

  private mutating func marker(for spelling: String) -> Unicode.Scalar {
    if let known = markers[spelling] { return known }
    let scalar = newMarker(for: spelling)
    if !isExhausted { markers[spelling] = scalar }
    return scalar
  }

  private mutating func newMarker(for spelling: String) -> Unicode.Scalar {
    guard let scalar = Unicode.Scalar(Self.range.lowerBound + UInt32(clamping: replaced.count)),
      Self.range.contains(scalar.value)
    else {
      isExhausted = true
      return "\u{FFFD}"
    }
    replaced.append(spelling)
    return scalar
  }

  private func index(of scalar: Unicode.Scalar) -> Int? {
    guard Self.range.contains(scalar.value) else { return nil }
    let index = Int(scalar.value - Self.range.lowerBound)
    return index < replaced.count ? index : nil
  }

  func segments(of prompt: String) -> [Segment] {
    guard isActive else { return [Segment(text: prompt, parsesSpecial: true)] }
    var segments: [Segment] = []
    var text = String.UnicodeScalarView()
    func flush() {
      if !text.isEmpty { segments.append(Segment(text: String(text), parsesSpecial: true)) }
      text = String.UnicodeScalarView()
    }
    for scalar in prompt.unicodeScalars {
      if let index = index(of: scalar) {
        flush()
        segments.append(Segment(text: replaced[index], parsesSpecial: false, image: images[index]))
      } else {
        text.append(scalar)
      }
    }
    flush()
    return segments
  }

  /// The text with the original spellings, without images.
  func restored(_ text: String) -> String {
    guard isActive else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if let index = index(of: scalar) {
        result.append(contentsOf: replaced[index].unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }
}

/// The spellings of a vocabulary's control tokens, found quickly in text.
struct SpellingTable: Sendable {
  /// By their first two bytes, longest first.
  private var spellings: [UInt16: [[UInt8]]] = [:]
  private var first = [Bool](repeating: false, count: 256)

  /// Spellings shorter than two bytes are not looked for.
  init(_ texts: [String]) {
    for text in Set(texts) {
      let bytes = Array(text.utf8)
      guard bytes.count >= 2 else { continue }
      first[Int(bytes[0])] = true
      spellings[Self.key(bytes[0], bytes[1]), default: []].append(bytes)
    }
    for key in spellings.keys { spellings[key]?.sort { $0.count > $1.count } }
  }

  /// Length in bytes of the longest spelling that begins at the place; 0 if none does.
  func match(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> Int {
    guard first[Int(bytes[place])], place + 1 < bytes.count,
      let candidates = spellings[Self.key(bytes[place], bytes[place + 1])]
    else { return 0 }
    let rest = UnsafeBufferPointer(rebasing: bytes[place...])
    return candidates.first { rest.starts(with: $0) }?.count ?? 0
  }

  private static func key(_ first: UInt8, _ second: UInt8) -> UInt16 { UInt16(first) << 8 | UInt16(second) }
}
