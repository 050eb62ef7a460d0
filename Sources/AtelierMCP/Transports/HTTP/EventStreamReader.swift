/// Reads a stream of server-sent events (HTML standard, "Server-sent events") that comes in pieces. Any cutting of the same
/// bytes gives the same events.
package struct EventStreamReader: Sendable {
  package struct Event: Sendable, Hashable {
    /// `message` when the stream does not name it.
    package var name: String
    /// The data lines joined by newlines.
    package var data: String

    package init(name: String, data: String) {
      self.name = name
      self.data = data
    }
  }

  /// An event of more bytes than allowed.
  package struct TooLarge: Error, Sendable, Hashable {}

  /// Of the last event that had one; what resuming asks for.
  package private(set) var lastEventID: String?
  /// How long the server wants us to wait before connecting again.
  package private(set) var retry: Duration?

  private let limit: Int
  private var line: [UInt8] = []
  private var name = ""
  private var data: [UInt8] = []
  private var hasData = false
  private var id: String?
  private var followsReturn = false
  private var isFirstLine = true

  /// `limit`: bytes of one line, and of one event's data.
  package init(limit: Int = MCPLimits.messageBytes) { self.limit = limit }

  package mutating func feed(_ bytes: some Sequence<UInt8>) throws(TooLarge) -> [Event] {
    var events: [Event] = []
    for byte in bytes {
      let follows = followsReturn
      followsReturn = byte == 0x0D
      switch byte {
      case 0x0A where follows: continue
      case 0x0A, 0x0D: if let event = try endLine() { events.append(event) }
      default:
        // A field's name and its space come on top.
        guard line.count < limit + 16 else { throw TooLarge() }
        line.append(byte)
      }
    }
    return events
  }

  private mutating func endLine() throws(TooLarge) -> Event? {
    defer { line.removeAll(keepingCapacity: true) }
    if isFirstLine {
      isFirstLine = false
      if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    }
    guard !line.isEmpty else { return dispatch() }
    let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
    guard colon > 0 else { return nil }
    var value = line[min(colon + 1, line.endIndex)...]
    if value.first == 0x20 { value.removeFirst() }
    switch String(decoding: line[..<colon], as: UTF8.self) {
    case "event": name = String(decoding: value, as: UTF8.self)
    case "data":
      if hasData { data.append(0x0A) }
      hasData = true
      guard data.count + value.count <= limit else { throw TooLarge() }
      data.append(contentsOf: value)
    case "id": if !value.contains(0), value.count <= 4096 { id = String(decoding: value, as: UTF8.self) }
    case "retry":
      if let milliseconds = Int64(String(decoding: value, as: UTF8.self)), milliseconds >= 0 {
        retry = .milliseconds(min(milliseconds, 3_600_000))
      }
    default: break
    }
    return nil
  }

  private mutating func dispatch() -> Event? {
    if let id { lastEventID = id.isEmpty ? nil : id }
    defer {
      name = ""
      data = []
      hasData = false
      id = nil
    }
    guard !data.isEmpty else { return nil }
    return Event(name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self))
  }
}
