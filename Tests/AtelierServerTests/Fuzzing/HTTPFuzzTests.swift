import AtelierTesting
import NIOCore
import Testing

@testable import AtelierServer

struct HTTPFuzzTests {
  /// Whatever the bytes and however they are cut, the same is read from them, and what is passed on can be read again.
  @Test func connections() throws {
    let words = [
      "\r\n", "\r\n\r\n", "\n", " ", ":", "Host: a\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
      "0\r\n\r\n",
      "HTTP/1.1", "GET / HTTP/1.1\r\n",
    ]
    try Fuzzer(corpus: "HTTP", words: words).run { bytes, random in
      let whole = RequestParserTests.read([bytes])
      let cut = Int.random(in: 0...bytes.count, using: &random)
      #expect(RequestParserTests.read([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole)
      for case .head(let head) in whole.parts {
        var again = ByteBuffer()
        head.write(into: &again)
        #expect(RequestParserTests.read([Array(again.readableBytesView)]).parts.first == .head(head))
      }
    }
  }

  @Test func targets() throws {
    try Fuzzer(corpus: "HTTP", words: ["%", "%2F", "//", "?", "&", "=", "+", "http://a"]).run { bytes, _ in
      let text = String(decoding: bytes.prefix(4096), as: UTF8.self)
      #expect(RequestPath(target: text)?.segments.contains("") != true)
      _ = RequestQuery(target: text)["a"]
      _ = HostPolicy.split(text)
    }
  }
}
