import NIOCore

/// Request line and header fields, checked. What reaches the decoder behind is written anew from this, so that nothing
/// two parsers could read in two ways is left in it.
struct RequestHead: Sendable, Hashable {
  struct Field: Sendable, Hashable {
    var name: String
    var value: String
  }

  enum Framing: Sendable, Hashable {
    case none
    case length(Int)
    case chunked
  }

  var method: String
  var target: String
  /// Without those that concern this connection alone.
  var fields: [Field]
  var framing: Framing
  /// The client wants no further answer on this connection.
  var closes: Bool

  /// Fields between neighbours (RFC 9110, 7.6.1), and those this server writes itself.
  static let hopFields: Set<String> = [
    "connection", "content-length", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
  ]

  func write(into buffer: inout ByteBuffer) {
    buffer.writeString("\(method) \(target) HTTP/1.1\r\n")
    for field in fields {
      buffer.writeString(field.name)
      buffer.writeStaticString(": ")
      buffer.writeString(field.value)
      buffer.writeStaticString("\r\n")
    }
    switch framing {
    case .none: break
    case .length(let count): buffer.writeString("content-length: \(count)\r\n")
    case .chunked: buffer.writeStaticString("transfer-encoding: chunked\r\n")
    }
    if closes { buffer.writeStaticString("connection: close\r\n") }
    buffer.writeStaticString("\r\n")
  }
}
