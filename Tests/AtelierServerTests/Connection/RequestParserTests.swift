import AtelierCore
import AtelierTesting
import HTTPTypes
import NIOCore
import Testing

@testable import AtelierServer

struct RequestParserTests {
  /// What came of some bytes, with pieces of one body put together.
  struct Reading: Equatable {
    var parts: [RequestParser.Part] = []
    var refusal: RequestRefusal?
    var isBetweenRequests = true
  }

  /// Feeds `pieces` one after the other, as a connection does.
  static func read(_ pieces: [[UInt8]]) -> Reading {
    var (parser, buffer, reading) = (RequestParser(), ByteBuffer(), Reading())
    var body = ByteBuffer()
    for piece in pieces {
      buffer.writeBytes(piece)
      do throws(RequestRefusal) {
        while let part = try parser.next(&buffer) {
          if case .body(let bytes) = part {
            body.writeImmutableBuffer(bytes)
            continue
          }
          if body.readableBytes > 0 { reading.parts.append(.body(body)) }
          body = ByteBuffer()
          reading.parts.append(part)
        }
      } catch {
        reading.refusal = error
        reading.isBetweenRequests = false
        return reading
      }
    }
    if body.readableBytes > 0 { reading.parts.append(.body(body)) }
    reading.isBetweenRequests = parser.isBetweenRequests && buffer.readableBytes == 0
    return reading
  }

  static func read(_ text: String) -> Reading { read([Array(text.utf8)]) }

  private static let simple = RequestHead(
    method: "GET", target: "/v1/models", fields: [RequestHead.Field(name: "Host", value: "a")], framing: .none,
    closes: false)

  @Test func readsRequestsOneAfterTheOther() {
    let get = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    let reading = Self.read(get + post + "\r\n" + get)
    let sent = RequestHead(
      method: "POST", target: "/", fields: [RequestHead.Field(name: "Host", value: "a")], framing: .length(3),
      closes: false)
    #expect(
      reading.parts == [
        .head(Self.simple), .end, .head(sent), .body(ByteBuffer(string: "abc")), .end, .head(Self.simple), .end,
      ])
    #expect(reading.isBetweenRequests)
  }

  @Test func takesChunksOffTheirFraming() {
    let reading = Self.read(
      "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"
    )
    #expect(reading.refusal == nil)
    #expect(reading.parts.dropFirst() == [.body(ByteBuffer(string: "abc0123456789")), .end])
  }

  @Test(arguments: [
    ("HTTP/1.1", "", false), ("HTTP/1.1", "Connection: keep-alive\r\n", false),
    ("HTTP/1.1", "Connection: TE, Close\r\n", true), ("HTTP/1.0", "", true),
    ("HTTP/1.0", "Connection: Keep-Alive\r\n", false),
  ])
  func saysWhetherTheConnectionGoesOn(version: String, field: String, closes: Bool) throws {
    let reading = Self.read("GET / \(version)\r\nHost: a\r\n\(field)\r\n")
    guard case .head(let head)? = reading.parts.first else { return #expect(Bool(false), "\(reading)") }
    #expect(head.closes == closes)
  }

  /// An upgrade that is not taken is a plain request (RFC 9110, 7.8).
  @Test func writesTheHeadAnewWithoutWhatConcernsTheConnection() throws {
    let reading = Self.read(
      "POST /a?b HTTP/1.1\r\nHost:a \r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"
        + "X-Y:\t1 2 \r\nContent-Length: 007\r\n\r\n")
    guard case .head(let head)? = reading.parts.first else { return #expect(Bool(false), "\(reading)") }
    var bytes = ByteBuffer()
    head.write(into: &bytes)
    #expect(String(buffer: bytes) == "POST /a?b HTTP/1.1\r\nHost: a\r\nX-Y: 1 2\r\ncontent-length: 7\r\n\r\n")
  }

  // MARK: What is refused

  private static let host = "Host: a\r\n"

  @Test(arguments: [
    // Both framings, repeated and odd ones, unknown codings.
    "POST / HTTP/1.1\r\n\(host)Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 3, 3\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: +3\r\n\r\n", "POST / HTTP/1.1\r\n\(host)Content-Length: -1\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 0x3\r\n\r\n", "POST / HTTP/1.1\r\n\(host)Content-Length:\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 3 3\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 99999999999999999999\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: identity\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: xchunked\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.0\r\n\(host)Transfer-Encoding: chunked\r\n\r\n",
    // Chunks.
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n-3\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n 3\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0x3\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n",
    // Hosts.
    "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\n\(host)\(host)\r\n",
    "GET / HTTP/1.1\r\n\(host)host: b\r\n\r\n", "GET http://b/ HTTP/1.1\r\n\(host)\r\n",
    // Lines and bytes.
    "GET / HTTP/1.1\n\(host)\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "GET / HTTP/1.1\r\n\(host)X : b\r\n\r\n", "GET / HTTP/1.1\r\n\(host)X\t: b\r\n\r\n",
    "GET / HTTP/1.1\r\n\(host) folded\r\n\r\n", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "GET / HTTP/1.1\r\n\(host)X: \u{0}\r\n\r\n", "GET / HTTP/1.1\r\n\(host)X: \u{7F}\r\n\r\n",
    "GET / HTTP/1.1\r\n\(host)no colon\r\n\r\n", "GET / HTTP/1.1\r\n\(host): empty\r\n\r\n",
    "GET / HTTP/1.1\r\n\(host)(x): y\r\n\r\n", "GET / HTTP/1.1\r\n\(host)Ünicode: y\r\n\r\n",
    "GET /\r\n\r\n", "GET  / HTTP/1.1\r\n\(host)\r\n", "GET / a HTTP/1.1\r\n\(host)\r\n", " GET / HTTP/1.1\r\n",
    "GET / HTTP/1.1 \r\n", "G\u{1}T / HTTP/1.1\r\n", "GET / HTP/1.1\r\n", "GET / HTTP/11\r\n", "GET / http/1.1\r\n",
    "GET a HTTP/1.1\r\n\(host)\r\n", "GET * HTTP/1.1\r\n\(host)\r\n", "GET /#a HTTP/1.1\r\n\(host)\r\n", "\r\n\r\n",
    "\u{16}\u{3}\u{1}\u{2}",
  ])
  func refusesWhatIsNoStrictRequest(text: String) {
    let reading = Self.read(text + "GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(reading.refusal?.status.code == 400, "\(reading)")
    #expect(!reading.parts.contains { if case .head(let head) = $0 { head.target == "/second" } else { false } })
  }

  @Test(arguments: [
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505), ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405), ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
  ])
  func refusesOtherVersionsAndMethods(text: String, status: Int) {
    #expect(Self.read(text).refusal?.status.code == status)
  }

  @Test func namesTheTargetOfWhatItRefuses() {
    var (parser, buffer) = (RequestParser(), ByteBuffer(string: "POST /v1/messages HTTP/1.1\r\n\r\n"))
    #expect(throws: RequestRefusal.self) { while try parser.next(&buffer) != nil {} }
    #expect(parser.target == "/v1/messages")
  }

  // MARK: Limits: one that is hit, one just under it

  private static func line(of length: Int) -> String {
    "GET /" + String(repeating: "a", count: length - 14) + " HTTP/1.1\r\n" + host + "\r\n"
  }

  private static func field(_ name: String, of length: Int) -> String {
    name + ":" + String(repeating: "b", count: length - name.utf8.count - 1) + "\r\n"
  }

  private static func request(_ fields: String) -> String { "GET / HTTP/1.1\r\n" + host + fields + "\r\n" }

  @Test func limitsTheRequestLine() {
    #expect(Self.read(Self.line(of: 16 * 1024)).refusal == nil)
    #expect(Self.read(Self.line(of: 16 * 1024 + 1)).refusal?.status.code == 414)
    // Without waiting for its end.
    #expect(Self.read("GET /" + String(repeating: "a", count: 16 * 1024)).refusal?.status.code == 414)
  }

  @Test func limitsOneField() {
    #expect(Self.read(Self.request(Self.field("X", of: 16 * 1024))).refusal == nil)
    #expect(Self.read(Self.request(Self.field("X", of: 16 * 1024 + 1))).refusal?.status.code == 431)
  }

  @Test func limitsAllFields() {
    // Host takes 9 bytes with its line end, the others 16 KiB each.
    let most = (0..<3).map { Self.field("X\($0)", of: 16 * 1024 - 2) }.joined()
    #expect(Self.read(Self.request(most + Self.field("Y", of: 16 * 1024 - 9 - 2))).refusal == nil)
    #expect(Self.read(Self.request(most + Self.field("Y", of: 16 * 1024 - 9 - 1))).refusal?.status.code == 431)
    #expect(
      Self.read("GET / HTTP/1.1\r\n\(most)X: " + String(repeating: "c", count: 16 * 1024)).refusal?.status.code == 431)
  }

  @Test func limitsTheNumberOfFields() {
    let most = (1..<128).map { "X\($0): y\r\n" }.joined()
    #expect(Self.read(Self.request(most)).refusal == nil)
    #expect(Self.read(Self.request(most + "X: y\r\n")).refusal?.status.code == 431)
  }

  @Test func limitsWhatSurroundsChunks() {
    let start = "POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n"
    let longest = String(repeating: "e", count: 254)
    #expect(Self.read(start + "1;" + longest + "\r\na\r\n").refusal == nil)
    #expect(Self.read(start + "1;" + longest + "e\r\na\r\n").refusal?.status.code == 400)
    let trailers = Self.field("X", of: 8 * 1024) + Self.field("Y", of: 8 * 1024)
    #expect(Self.read(start + "0\r\n" + trailers).refusal?.status.code == 431)
  }

  // MARK: Properties

  /// However the bytes are cut, the same comes of them; and what was read, written anew and read again, is the same.
  @Test func readsTheSameWhateverThePieces() {
    var random = SeededGenerator(seed: 6)
    for _ in 0..<400 {
      var bytes = (0..<Int.random(in: 1...3, using: &random)).flatMap { _ in Self.randomRequest(using: &random) }
      if Bool.random(using: &random) { Self.mutate(&bytes, using: &random) }
      let whole = Self.read([bytes])
      #expect(Self.read(bytes.map { [$0] }) == whole)
      #expect(Self.read(Self.pieces(of: bytes, using: &random)) == whole)
      for case .head(let head) in whole.parts {
        var again = ByteBuffer()
        head.write(into: &again)
        #expect(Self.read([Array(again.readableBytesView)]).parts.first == .head(head))
      }
    }
  }

  private static func pieces(of bytes: [UInt8], using random: inout SeededGenerator) -> [[UInt8]] {
    var (rest, pieces) = (bytes[...], [[UInt8]]())
    while !rest.isEmpty {
      let count = Int.random(in: 1...min(40, rest.count), using: &random)
      pieces.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return pieces
  }

  static func randomRequest(using random: inout SeededGenerator) -> [UInt8] {
    let method = ["GET", "POST", "DELETE", "HEAD"].randomElement(using: &random) ?? "GET"
    let target = ["/", "/v1/models", "/api/v1/chat?a=b", "/ü", "http://a/"].randomElement(using: &random) ?? "/"
    var text = "\(method) \(target) HTTP/1.\(Int.random(in: 0...1, using: &random))\r\nHost: a\r\n"
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      let field = ["Accept: */*", "Connection: close", "X: ", "Upgrade: h2c", "Expect: 100-continue", "A:b\tc"]
      text += (field.randomElement(using: &random) ?? "X: y") + "\r\n"
    }
    let body = String(repeating: "x", count: Int.random(in: 0...50, using: &random))
    switch Int.random(in: 0..<3, using: &random) {
    case 0: text += "\r\n"
    case 1: text += "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    default:
      text += "Transfer-Encoding: chunked\r\n\r\n"
      if !body.isEmpty { text += String(body.utf8.count, radix: 16) + "\r\n\(body)\r\n" }
      text += "0\r\n\r\n"
    }
    return Array(text.utf8)
  }

  static func mutate(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
    let interesting = Array("\r\n \t:;,0aF/\u{0}\u{7F}".utf8) + [0x80, 0xFF]
    for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<3, using: &random) {
      case 0: bytes[place] = interesting.randomElement(using: &random) ?? 0
      case 1: bytes.insert(interesting.randomElement(using: &random) ?? 0, at: place)
      default: bytes.remove(at: place)
      }
    }
  }
}
