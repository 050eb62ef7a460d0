import AtelierCore

/// One request to somewhere else.
package struct OutboundRequest: Sendable {
  package enum Method: String, Sendable, Hashable { case get = "GET", head = "HEAD", post = "POST", delete = "DELETE" }

  package var method: Method
  package var url: WebAddress
  /// May not set what the connection needs for itself (`Host`, lengths, transfer coding…).
  package var headers: [(name: String, value: String)] = []
  /// The value of `Authorization`. Goes to the first origin only, never along a redirect to another.
  package var authorization: Secret?
  package var body: [UInt8]?
  package var redirects = RedirectPolicy.refuse
  /// What the operator configured by name: its address is not checked, and it may be plain `http`.
  package var trusted: Origin?

  /// Longest wait for the head of the answer, all redirects together.
  package var headTimeout = Duration.seconds(30)
  /// Longest pause while the body arrives.
  package var idleTimeout = Duration.seconds(60)
  /// Longest time for all of it; nil: as long as bytes arrive.
  package var totalTimeout: Duration?
  /// Bytes of the body; more end it with `tooLarge`.
  package var bodyLimit: Int64 = .max

  package init(_ method: Method = .get, _ url: WebAddress) {
    self.method = method
    self.url = url
  }

  private static let reserved: Set<String> = [
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect",
    "proxy-authorization", "proxy-connection", "authorization",
  ]

  /// Whether a caller may set this header: a token as name, and a value without control bytes.
  package static func isAllowed(name: String, value: String) -> Bool {
    let token = name.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
    return token && !name.isEmpty && name.utf8.count <= 256 && !reserved.contains(name.lowercased()) && isPlain(value)
  }

  /// Printable, at most 16 KiB.
  static func isPlain(_ value: String) -> Bool {
    value.utf8.count <= 16_384 && value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
  }

  func check() throws(EgressError) {
    guard headers.allSatisfy({ Self.isAllowed(name: $0.name, value: $0.value) }),
      authorization.map({ Self.isPlain($0.value) }) ?? true
    else { throw .invalidHeader }
  }
}
