import AtelierCore

/// One event or comment of an event stream (WHATWG HTML, "Server-sent events").
package enum ServerSentEvent: Sendable, Hashable {
  /// `data` is one line of UTF-8: JSON never holds a raw line end.
  case event(name: String?, data: [UInt8])
  /// Ignored by readers; keeps a silent connection open. One line.
  case comment(String)

  package static func json(_ value: JSONValue, name: String? = nil) -> ServerSentEvent {
    var data: [UInt8] = []
    value.write(into: &data)
    return .event(name: name, data: data)
  }

  /// Appends the lines and the empty line that ends them.
  package func write(into bytes: inout [UInt8]) {
    switch self {
    case .event(let name, let data):
      bytes.reserveCapacity(bytes.count + data.count + 8 + (name.map { $0.utf8.count + 8 } ?? 0))
      if let name {
        bytes.append(contentsOf: "event: ".utf8)
        bytes.append(contentsOf: name.utf8)
        bytes.append(UInt8(ascii: "\n"))
      }
      bytes.append(contentsOf: "data: ".utf8)
      bytes.append(contentsOf: data)
    case .comment(let text):
      bytes.append(contentsOf: ": ".utf8)
      bytes.append(contentsOf: text.utf8)
    }
    bytes.append(contentsOf: "\n\n".utf8)
  }
}
