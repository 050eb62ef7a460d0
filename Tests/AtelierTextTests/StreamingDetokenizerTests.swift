import AtelierTesting
import AtelierText
import Testing

struct StreamingDetokenizerTests {
  @Test func aSplitCharacterWaitsForItsEnd() {
    var detokenizer = StreamingDetokenizer()
    #expect(detokenizer.feed([0x61, 0xF0, 0x9F]) == "a")
    #expect(detokenizer.feed([0xA7]) == "")
    #expect(detokenizer.feed([0xB5, 0x62]) == "🧵b")
    #expect(detokenizer.finish() == "")
  }

  @Test func anUnfinishedCharacterBecomesAReplacement() {
    var detokenizer = StreamingDetokenizer()
    #expect(detokenizer.feed([0x61, 0xE2, 0x82]) == "a")
    #expect(detokenizer.finish() == "\u{FFFD}")
    #expect(detokenizer.finish() == "")
  }

  @Test(
    arguments: [
      [0xFF], [0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE0, 0x80], [0xF5, 0x80],
    ] as [[UInt8]])
  func invalidBytesAreNotHeldBack(_ bytes: [UInt8]) {
    var detokenizer = StreamingDetokenizer()
    #expect(detokenizer.feed(bytes) == String(decoding: bytes, as: UTF8.self))
    #expect(detokenizer.finish() == "")
  }

  @Test(arguments: 0..<20)
  func anyChunkingGivesTheSameText(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let alphabet: [[UInt8]] = [
      Array("a".utf8), Array("ß".utf8), Array("€".utf8), Array("🧵".utf8), Array("e\u{301}".utf8), [0xC3], [0xE2, 0x82],
      [0xF0, 0x9F, 0xA7], [0xFF], [0x80], [0xED, 0xA0], [0xF4, 0x90], [0xE0, 0x9F],
    ]
    for _ in 0..<200 {
      let bytes = (0..<Int.random(in: 0...12, using: &generator)).flatMap { _ in
        alphabet.randomElement(using: &generator)!
      }
      var detokenizer = StreamingDetokenizer()
      var text = String.UnicodeScalarView()
      for piece in generator.chunks(of: bytes) { text.append(contentsOf: detokenizer.feed(piece).unicodeScalars) }
      text.append(contentsOf: detokenizer.finish().unicodeScalars)
      #expect(Array(String(text).utf8) == Array(String(decoding: bytes, as: UTF8.self).utf8))
    }
  }

  /// Every start of a character that can go wrong, byte by byte and in one piece.
  @Test func everyPairOfBytesIsReadAsAWholeTextIsRead() {
    var wrong: [[UInt8]] = []
    for first in UInt8.min...UInt8.max where first >= 0x7F {
      for second in UInt8.min...UInt8.max {
        for rest in [[], [0x80], [0x80, 0x80, 0x41]] as [[UInt8]] {
          let bytes = [first, second] + rest
          var detokenizer = StreamingDetokenizer()
          var text = ""
          for byte in bytes { text.unicodeScalars.append(contentsOf: detokenizer.feed([byte]).unicodeScalars) }
          text.unicodeScalars.append(contentsOf: detokenizer.finish().unicodeScalars)
          if Array(text.utf8) != Array(String(decoding: bytes, as: UTF8.self).utf8) { wrong.append(bytes) }
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(5))")
  }

  @Test(arguments: 0..<10)
  func randomBytesInAnyChunking(_ seed: UInt64) {
    var generator = SeededGenerator(seed: 500 + seed)
    for _ in 0..<200 {
      let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        UInt8.random(in: .min ... .max, using: &generator)
      }
      var detokenizer = StreamingDetokenizer()
      var text = String.UnicodeScalarView()
      for piece in generator.chunks(of: bytes) {
        let fed = detokenizer.feed(piece)
        // What is held back is at most the start of one character.
        text.append(contentsOf: fed.unicodeScalars)
      }
      let last = detokenizer.finish()
      #expect(last.unicodeScalars.count <= 1)
      text.append(contentsOf: last.unicodeScalars)
      #expect(Array(String(text).utf8) == Array(String(decoding: bytes, as: UTF8.self).utf8))
    }
  }
}
