import NIOCore

/// Cuts the bytes of a connection into requests, strictly (RFC 9112; threat model, HTTP). A value without time or
/// sockets: bytes go in, parts come out, in whatever pieces the bytes arrive. After a refusal it must not be used again.
struct RequestParser: Sendable {
  enum Part: Sendable, Hashable {
    case head(RequestHead)
    /// Content, with the framing of chunks taken off.
    case body(ByteBuffer)
    case end
  }

  static let longestRequestLine = 16 * 1024
  static let longestField = 16 * 1024
  static let longestHead = 64 * 1024
  static let mostFields = 128
  private static let longestChunkLine = 256
  private static let longestTrailers = 16 * 1024

  private enum State: Sendable {
    case requestLine
    case fields
    case content(left: Int)
    case chunkSize
    case chunk(left: Int)
    case chunkEnd
    case trailers
    case ending
  }

  private var state = State.requestLine
  /// Bytes of an unfinished line that were looked at.
  private var scanned = 0
  private var method = ""
  private var isOldVersion = false
  private var fields: [RequestHead.Field] = []
  /// Bytes of the header fields, or of the trailers.
  private var blockBytes = 0
  private var hasSkippedEmptyLine = false
  /// The target of the request being read, as soon as it is known.
  private(set) var target: String?

  /// Nothing of a next request has been seen.
  var isBetweenRequests: Bool {
    if case .requestLine = state { scanned == 0 && !hasSkippedEmptyLine } else { false }
  }

  var isInHead: Bool {
    switch state {
    case .requestLine, .fields: true
    default: false
    }
  }

  /// The next part; nil when more bytes are needed. Takes what it returns out of `buffer`.
  mutating func next(_ buffer: inout ByteBuffer) throws(RequestRefusal) -> Part? {
    while true {
      switch state {
      case .requestLine:
        guard let line = try line(&buffer, longest: Self.longestRequestLine, .requestLineTooLong) else { return nil }
        if line.readableBytes == 0, !hasSkippedEmptyLine {
          // RFC 9112, 2.2: old clients send an empty line after a body.
          hasSkippedEmptyLine = true
          continue
        }
        try readRequestLine(line)
        state = .fields
      case .fields:
        guard let line = try line(&buffer, longest: Self.longestField, .fieldTooLong) else {
          if blockBytes + buffer.readableBytes > Self.longestHead { throw .headTooLong }
          return nil
        }
        if line.readableBytes == 0 { return .head(try finishHead()) }
        blockBytes += line.readableBytes + 2
        if blockBytes > Self.longestHead { throw .headTooLong }
        if fields.count == Self.mostFields { throw .tooManyFields }
        fields.append(try Self.field(line))
      case .content(let left):
        guard let piece = buffer.readSlice(length: min(left, buffer.readableBytes)), piece.readableBytes > 0 else {
          return nil
        }
        state = piece.readableBytes == left ? .ending : .content(left: left - piece.readableBytes)
        return .body(piece)
      case .chunkSize:
        guard let line = try line(&buffer, longest: Self.longestChunkLine, Self.badChunk) else { return nil }
        let size = try Self.chunkSize(line)
        state = size == 0 ? .trailers : .chunk(left: size)
      case .chunk(let left):
        guard let piece = buffer.readSlice(length: min(left, buffer.readableBytes)), piece.readableBytes > 0 else {
          return nil
        }
        state = piece.readableBytes == left ? .chunkEnd : .chunk(left: left - piece.readableBytes)
        return .body(piece)
      case .chunkEnd:
        guard let line = try line(&buffer, longest: 0, Self.badChunk) else { return nil }
        guard line.readableBytes == 0 else { throw Self.badChunk }
        state = .chunkSize
      case .trailers:
        guard let line = try line(&buffer, longest: Self.longestField, .fieldTooLong) else { return nil }
        if line.readableBytes == 0 {
          state = .ending
          continue
        }
        blockBytes += line.readableBytes + 2
        if blockBytes > Self.longestTrailers { throw .headTooLong }
        // Nothing here wants them, but what is no field is no trailer.
        _ = try Self.field(line)
      case .ending:
        self = RequestParser()
        return .end
      }
    }
  }

  // MARK: Lines

  private static let badChunk = RequestRefusal.malformed("a chunk of its body is framed wrongly")

  /// The bytes before the next line end, which must be CR LF; nil when it has not arrived. No other control bytes but
  /// tabs may come before it.
  private mutating func line(
    _ buffer: inout ByteBuffer, longest: Int, _ overflow: RequestRefusal
  ) throws(RequestRefusal) -> ByteBuffer? {
    let scan = buffer.withUnsafeReadableBytes { Self.scan($0, from: scanned) }
    switch scan {
    case .end(let length):
      guard length <= longest else { throw overflow }
      scanned = 0
      let line = buffer.readSlice(length: length)
      buffer.moveReaderIndex(forwardBy: 2)
      return line
    case .unfinished(let count):
      guard count <= longest else { throw overflow }
      scanned = count
      return nil
    case .bareLineEnd: throw .malformed("a line ends without CR LF")
    case .control(at: 0) where isAtStart && buffer.getInteger(at: buffer.readerIndex) == UInt8(0x16):
      throw .encrypted
    case .control: throw .malformed("it contains a control character")
    }
  }

  private var isAtStart: Bool { if case .requestLine = state { true } else { false } }

  private enum Scan { case end(length: Int), unfinished(Int), bareLineEnd, control(at: Int) }

  private static func scan(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Scan {
    var place = start
    while place < bytes.count {
      let byte = bytes[place]
      if (byte >= 0x20 && byte != 0x7F) || byte == 0x09 {
        place += 1
      } else if byte == 0x0D {
        guard place + 1 < bytes.count else { return .unfinished(place) }
        return bytes[place + 1] == 0x0A ? .end(length: place) : .bareLineEnd
      } else {
        return byte == 0x0A ? .bareLineEnd : .control(at: place)
      }
    }
    return .unfinished(place)
  }

  // MARK: The head

  private mutating func readRequestLine(_ line: ByteBuffer) throws(RequestRefusal) {
    let parts = line.readableBytesView.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }), parts[0].allSatisfy(Self.isTokenByte),
      !parts[1].contains(0x09)
    else { throw .malformed("its first line must be method, target and version") }
    method = String(decoding: parts[0], as: UTF8.self)
    guard let target = String(validating: parts[1], as: UTF8.self) else {
      throw .malformed("its target is not UTF-8")
    }
    self.target = target
    switch String(decoding: parts[2], as: UTF8.self) {
    case "HTTP/1.1": isOldVersion = false
    case "HTTP/1.0": isOldVersion = true
    default:
      let version = Array(parts[2])
      guard version.count == 8, version.starts(with: Array("HTTP/".utf8)), Self.isDigit(version[5]),
        version[6] == UInt8(ascii: "."), Self.isDigit(version[7])
      else { throw .malformed("its first line must be method, target and version") }
      throw .version
    }
    guard Self.methods.contains(method) else { throw .method }
    let isAbsolute = target.hasPrefix("http://") || target.hasPrefix("https://")
    guard target.hasPrefix("/") || isAbsolute || (target == "*" && method == "OPTIONS"), !target.contains("#") else {
      throw .malformed("its target must be a path")
    }
  }

  /// TRACE would send back what it was sent, and CONNECT asks for a tunnel.
  private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

  private static func field(_ line: ByteBuffer) throws(RequestRefusal) -> RequestHead.Field {
    let bytes = line.readableBytesView
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
      throw .malformed("a header field has no colon")
    }
    let name = bytes[..<colon]
    // Also refuses white space before the colon, and a line that continues the one before.
    guard !name.isEmpty, name.allSatisfy(isTokenByte) else { throw .malformed("a header field's name is not allowed") }
    var value = bytes[(colon + 1)...]
    while let first = value.first, isBlank(first) { value = value.dropFirst() }
    while let last = value.last, isBlank(last) { value = value.dropLast() }
    return RequestHead.Field(
      name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self))
  }

  private mutating func finishHead() throws(RequestRefusal) -> RequestHead {
    var hosts: [String] = []
    var lengths: [String] = []
    var codings: [String] = []
    var connection: Set<Substring> = []
    var kept: [RequestHead.Field] = []
    for field in fields {
      let name = field.name.lowercased()
      switch name {
      case "host": hosts.append(field.value)
      case "content-length": lengths.append(field.value)
      case "transfer-encoding": codings.append(field.value.lowercased())
      case "connection":
        connection.formUnion(field.value.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" })
      default: break
      }
      if !RequestHead.hopFields.contains(name) { kept.append(field) }
    }
    guard hosts.count == 1 else { throw .malformed("it needs exactly one Host field") }
    try checkAuthority(hosts[0])
    let head = RequestHead(
      method: method, target: target ?? "/", fields: kept, framing: try framing(lengths: lengths, codings: codings),
      closes: connection.contains("close") || (isOldVersion && !connection.contains("keep-alive")))
    switch head.framing {
    case .none, .length(0): state = .ending
    case .length(let count): state = .content(left: count)
    case .chunked: state = .chunkSize
    }
    blockBytes = 0
    return head
  }

  /// A target with an authority of its own must name the same host, or two readers would disagree about it.
  private func checkAuthority(_ host: String) throws(RequestRefusal) {
    guard let target, let scheme = target.firstRange(of: "://"), !target.hasPrefix("/") else { return }
    let authority = target[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
    guard authority.lowercased() == host.lowercased() else {
      throw .malformed("its target and its Host field name different hosts")
    }
  }

  private func framing(lengths: [String], codings: [String]) throws(RequestRefusal) -> RequestHead.Framing {
    switch (lengths.count, codings.count) {
    case (0, 0): return .none
    case (1, 0):
      guard lengths[0].utf8.allSatisfy(Self.isDigit), lengths[0].utf8.count <= 18, let count = Int(lengths[0]) else {
        throw .malformed("its Content-Length is not a number")
      }
      return .length(count)
    case (0, 1):
      guard codings[0] == "chunked", !isOldVersion else { throw .malformed("its Transfer-Encoding is not known") }
      return .chunked
    case (_, 0): throw .malformed("it has more than one Content-Length")
    case (0, _): throw .malformed("it has more than one Transfer-Encoding")
    default: throw .malformed("it has both Content-Length and Transfer-Encoding")
    }
  }

  /// Hexadecimal digits, then possibly extensions, which are ignored.
  private static func chunkSize(_ line: ByteBuffer) throws(RequestRefusal) -> Int {
    let digits = line.readableBytesView.prefix { $0 != UInt8(ascii: ";") }
    guard !digits.isEmpty, digits.count <= 15, digits.allSatisfy(isHexadecimal),
      let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw badChunk }
    return size
  }

  // MARK: Bytes

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }

  /// RFC 9110, 5.6.2.
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || isLetter(byte) || Self.tokenMarks.contains(byte)
  }

  private static let tokenMarks = Set("!#$%&'*+-.^_`|~".utf8)
}
