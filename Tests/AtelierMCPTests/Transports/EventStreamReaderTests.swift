import AtelierMCP
import Testing

struct EventStreamReaderTests {
  private typealias Event = EventStreamReader.Event

  private func read(_ pieces: [ArraySlice<UInt8>], limit: Int = 1000) throws -> (
    events: [Event], reader: EventStreamReader
  ) {
    var reader = EventStreamReader(limit: limit)
    var events: [Event] = []
    for piece in pieces { events += try reader.feed(piece) }
    return (events, reader)
  }

  @Test(arguments: [
    "data: one\n\n", "event: endpoint\ndata: /messages?id=1\n\nevent: message\ndata: {\"a\":1}\ndata:  {\"b\":2}\n\n",
    ": comment\r\nid: 7\r\nretry: 250\r\ndata: x\r\ndata\r\ndata:y\r\n\r\n",
    "\u{FEFF}data: é😀\r\rdata: tail\n\ndata: lost",
    "id: 1\ndata:\n\nid: 2\n\nunknown: x\ndata: z\n\n",
  ])
  func anyCuttingGivesTheSameEvents(_ text: String) throws {
    let bytes = Array(text.utf8)
    let whole = try read([bytes[...]])
    for pieces in cuts(bytes) {
      let (events, reader) = try read(pieces)
      #expect(events == whole.events)
      #expect(reader.lastEventID == whole.reader.lastEventID)
      #expect(reader.retry == whole.reader.retry)
    }
  }

  @Test func fieldsMeanWhatTheStandardSays() throws {
    let (events, reader) = try read([
      Array("event: a\nid: 5\nretry: 100\ndata:one\ndata: two\n\ndata: three\n\n: ping\n\nretry: soon\n\n".utf8)[...]
    ])
    #expect(events == [Event(name: "a", data: "one\ntwo"), Event(name: "message", data: "three")])
    #expect(reader.lastEventID == "5")
    #expect(reader.retry == .milliseconds(100))
  }

  /// Streams that can be resumed begin with an id and no data.
  @Test func anEventWithoutDataStillMovesTheID() throws {
    let (events, reader) = try read([Array("id: first\ndata:\n\n".utf8)[...]])
    #expect(events == [])
    #expect(reader.lastEventID == "first")
  }

  @Test(arguments: ["data: 12345678901\n\n", "data: 123456\ndata: 12345\n\n", "12345678901234567890123456789"])
  func anEventThatIsTooLargeEndsTheStream(_ text: String) {
    #expect(throws: EventStreamReader.TooLarge.self) { try read([Array(text.utf8)[...]], limit: 10) }
  }
}
