/// An HTTP/1.1 response, fed piece by piece: status, the body without its framing, and the frames of an event stream.
struct ResponseParser {
  private enum State { case head, length(Int), chunkSize, chunkData(Int), chunkEnd, trailer, untilClose, done }

  private(set) var status = 0
  private(set) var body: [UInt8] = []
  /// Arrival time and end offset in `body` of every block that an empty line ends.
  private(set) var events: [(time: Double, end: Int)] = []
  private(set) var isEventStream = false
  private(set) var keepsAlive = true
  private var state = State.head
  private var line: [UInt8] = []
  private var lineIsEmpty = true

  var isDone: Bool { if case .done = state { true } else { false } }
  var isUntouched: Bool { status == 0 && line.isEmpty }

  /// Takes the bytes of one read; false when they are no HTTP.
  mutating func feed(_ bytes: UnsafeRawBufferPointer, at time: Double) -> Bool {
    var index = 0
    while index < bytes.count {
      switch state {
      case .head:
        line.append(bytes[index])
        index += 1
        if line.suffix(4) == [13, 10, 13, 10], !parseHead() { return false }
      case .length(let left):
        let count = min(left, bytes.count - index)
        take(bytes, index, count, time)
        index += count
        state = left == count ? .done : .length(left - count)
      case .chunkSize:
        let byte = bytes[index]
        index += 1
        if byte != 10 {
          line.append(byte)
          continue
        }
        let digits = String(decoding: line.prefix { $0 != 13 && $0 != 59 }, as: UTF8.self)
        guard let size = Int(digits, radix: 16) else { return false }
        line.removeAll(keepingCapacity: true)
        state = size == 0 ? .trailer : .chunkData(size)
      case .chunkData(let left):
        let count = min(left, bytes.count - index)
        take(bytes, index, count, time)
        index += count
        state = left == count ? .chunkEnd : .chunkData(left - count)
      case .chunkEnd:
        if bytes[index] == 10 { state = .chunkSize }
        index += 1
      case .trailer:
        let byte = bytes[index]
        index += 1
        if byte == 10 {
          if line.isEmpty { state = .done }
          line.removeAll(keepingCapacity: true)
        } else if byte != 13 {
          line.append(byte)
        }
      case .untilClose:
        take(bytes, index, bytes.count - index, time)
        index = bytes.count
      case .done:
        return false
      }
    }
    return true
  }

  /// The peer closed; true when that ends the response properly.
  mutating func close() -> Bool {
    if case .untilClose = state { state = .done }
    return isDone
  }

  private mutating func parseHead() -> Bool {
    let lines = String(decoding: line, as: UTF8.self).split(separator: "\r\n")
    line.removeAll(keepingCapacity: true)
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let code = Int(words[1]) else { return false }
    status = code
    state = .untilClose
    for field in lines.dropFirst() {
      guard let colon = field.firstIndex(of: ":") else { continue }
      let value = field[field.index(after: colon)...].drop { $0 == " " }.lowercased()
      switch field[..<colon].lowercased() {
      case "content-length": if let length = Int(value) { state = length == 0 ? .done : .length(length) }
      case "transfer-encoding": if value.contains("chunked") { state = .chunkSize }
      case "connection": if value.contains("close") { keepsAlive = false }
      case "content-type": isEventStream = value.hasPrefix("text/event-stream")
      default: break
      }
    }
    if case .untilClose = state { keepsAlive = false }
    return true
  }

  private mutating func take(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int, _ time: Double) {
    let old = body.count
    body.append(contentsOf: bytes[start..<start + count])
    guard isEventStream else { return }
    for index in 0..<count {
      switch bytes[start + index] {
      case 13: break
      case 10:
        if lineIsEmpty, events.last?.end ?? 0 < old + index { events.append((time, old + index + 1)) }
        lineIsEmpty = true
      default: lineIsEmpty = false
      }
    }
  }
}
