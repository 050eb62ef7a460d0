import AtelierMCP
import Testing

struct LineSplitterTests {
  private func lines(_ pieces: [ArraySlice<UInt8>]) throws -> [String] {
    var splitter = LineSplitter(limit: 12)
    return try pieces.flatMap { try splitter.feed($0) }.map { String(decoding: $0, as: UTF8.self) }
  }

  /// U+2028 and U+0085 are line breaks to others; inside JSON they may stand raw.
  @Test func anyCuttingGivesTheSameLines() throws {
    let bytes = Array("one\r\n\n\u{2028}two\u{85}\nthree 😀\nunfinished".utf8)
    for pieces in cuts(bytes) { #expect(try lines(pieces) == ["one", "\u{2028}two\u{85}", "three 😀"]) }
  }

  @Test func aLineThatIsTooLongIsRefused() throws {
    #expect(try lines([Array("123456789012\n".utf8)[...]]) == ["123456789012"])
    #expect(throws: LineSplitter.TooLong.self) { try lines([Array("1234567890123".utf8)[...]]) }
  }
}
