import AtelierCore
import AtelierMCP
import Testing

struct JSONRPCMessageTests {
  static let messages: [JSONRPCMessage] = [
    .request(id: .integer(1), method: "tools/list", params: nil),
    .request(id: .string("a\n\u{2028}"), method: "tools/call", params: ["z": 1, "a": ["é": nil]]),
    .notification(method: "notifications/initialized", params: nil),
    .notification(method: "notifications/progress", params: ["progressToken": 3, "progress": 0.5]),
    .result(id: .integer(2), [:]), .result(id: .string("2"), ["tools": []]),
    .failure(id: .integer(3), RPCFailure(code: -32601, message: "no", data: ["x": true])),
    .failure(id: nil, RPCFailure(code: -32700, message: "parse")),
  ]

  @Test(arguments: messages)
  func whatIsWrittenReadsBackTheSame(_ message: JSONRPCMessage) throws {
    let bytes = message.encoded
    #expect(!bytes.contains(0x0A))
    #expect(try JSONRPCMessage.decode(bytes) == [message])
  }

  @Test func aBatchIsItsMessages() throws {
    let text = #"[{"jsonrpc":"2.0","id":1,"result":{}}, 7, {"jsonrpc":"2.0","method":"m"}]"#
    #expect(
      try JSONRPCMessage.decode(Array(text.utf8)) == [
        .result(id: .integer(1), [:]), .notification(method: "m", params: nil),
      ])
  }

  @Test(arguments: [
    "", "{}", "[]", "7", "{\"jsonrpc\":\"1.0\",\"method\":\"m\"}", "{\"jsonrpc\":\"2.0\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}", "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"m\"}",
    "{\"jsonrpc\":\"2.0\",\"result\":{}}", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}",
  ])
  func whatIsNoMessageIsRefused(_ text: String) {
    #expect(throws: JSONRPCMessage.Malformed.self) { try JSONRPCMessage.decode(Array(text.utf8)) }
  }

  /// Bytes changed at random are read as something or refused; they never do harm.
  @Test func damagedMessagesDoNoHarm() {
    var generator = SystemRandomNumberGenerator()
    for message in Self.messages {
      for _ in 0..<200 {
        var bytes = message.encoded
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        _ = try? JSONRPCMessage.decode(bytes)
      }
    }
  }
}
