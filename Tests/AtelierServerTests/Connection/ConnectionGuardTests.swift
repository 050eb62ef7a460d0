import Foundation
import HummingbirdCore
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import AtelierServer

struct ConnectionGuardTests {
  private static let limits = ConnectionGuard.Limits(head: .seconds(30), idle: .seconds(75), stall: .seconds(60))
  private static let get = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"

  /// A connection whose other end and whose server are the test.
  private struct Line {
    let channel: EmbeddedChannel

    init(welcome: ConnectionGuard.Welcome = .served) throws {
      channel = EmbeddedChannel(handler: ConnectionGuard(ConnectionGuardTests.limits, welcome: welcome))
      try channel.connect(to: SocketAddress(unixDomainSocketPath: "/test")).wait()
    }

    func receive(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    /// What was let through.
    func passed() throws -> String {
      var text = ""
      while let bytes = try channel.readInbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
      return text
    }

    /// What went to the client.
    func sent() throws -> String {
      var text = ""
      while let data = try channel.readOutbound(as: IOData.self) {
        if case .byteBuffer(let bytes) = data { text += String(buffer: bytes) }
      }
      return text
    }

    func answer(_ text: String) throws { try channel.writeOutbound(IOData.byteBuffer(ByteBuffer(string: text))) }

    func signal(_ signal: ConnectionSignal) { channel.triggerUserOutboundEvent(signal, promise: nil) }

    func wait(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }

    var isOpen: Bool { channel.isActive }
  }

  @Test func letsOneRequestThroughAtATime() throws {
    let line = try Line()
    try line.receive(
      Self.get + "GET /b HTTP/1.1\r\nHost: a\r\n\r\nPOST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
    #expect(try line.passed() == Self.get)
    line.signal(.answered)
    #expect(try line.passed() == "GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
    line.signal(.answered)
    #expect(try line.passed() == "POST /c HTTP/1.1\r\nHost: a\r\ncontent-length: 2\r\n\r\nx")
    try line.receive("y" + Self.get)
    #expect(try line.passed() == "y")
    line.signal(.answered)
    #expect(try line.passed() == Self.get)
  }

  @Test func takesNoMoreThanSixteenWaitingRequestsFromTheSocket() throws {
    let line = try Line()
    let reads = ReadCounter()
    try line.channel.pipeline.syncOperations.addHandler(reads, position: .first)
    try line.receive(Self.get)
    for count in 1...15 {
      try line.receive(Self.get)
      line.channel.read()
      #expect(reads.count == count)
    }
    try line.receive(Self.get)
    line.channel.read()
    #expect(reads.count == 15)
    line.signal(.answered)
    #expect(reads.count == 16)
  }

  @Test func holdsNoMoreThanItsBytes() throws {
    let line = try Line()
    let reads = ReadCounter()
    try line.channel.pipeline.syncOperations.addHandler(reads, position: .first)
    try line.receive(Self.get + String(repeating: "x", count: 64 * 1024 - 1))
    line.channel.read()
    #expect(reads.count == 1)
    try line.receive("x")
    line.channel.read()
    #expect(reads.count == 1)
  }

  @Test func answersWhatIsNoRequestAndRunsNothingAfterIt() throws {
    let line = try Line()
    try line.receive(Self.get + "GET / HTTP/1.1\r\nHost : a\r\n\r\n" + Self.get)
    #expect(try line.passed() == Self.get)
    line.signal(.answered)
    let answer = try line.sent()
    #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
    #expect(answer.contains("connection: close\r\n") && answer.contains(#""code":"malformed_request""#))
    try line.receive(Self.get)
    #expect(try line.passed() == "")
    line.wait(.seconds(2))
    #expect(!line.isOpen)
  }

  /// The shape of errors is the surface's as soon as the target is known.
  @Test(arguments: [
    ("/v1/messages", #""type":"error""#), ("/v1/chat/completions", #""type":"invalid_request_error""#),
    ("/api/v1/chat", #""type":"invalid_request""#),
  ])
  func answersInTheManners(path: String, shape: String) throws {
    let line = try Line()
    try line.receive("POST \(path) HTTP/1.1\r\n\r\n")
    #expect(try line.sent().contains(shape))
  }

  /// Nor one behind an answer that did not wait for the request.
  @Test func answersOnceWhatIsRefusedAfterItsAnswer() throws {
    let line = try Line()
    try line.receive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    try line.answer("HTTP/1.1 401 Unauthorized\r\n\r\n")
    line.signal(.answered)
    try line.receive("no chunk\r\n")
    #expect(try line.sent() == "HTTP/1.1 401 Unauthorized\r\n\r\n")
    let next = try Line()
    try next.receive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    try next.answer("HTTP/1.1 401 Unauthorized\r\n\r\n")
    next.signal(.answered)
    try next.receive("0\r\n\r\nno request\r\n\r\n")
    #expect(try next.sent().contains("HTTP/1.1 400 Bad Request\r\n"))
  }

  /// As TLS is in a handshake that the client does not go on with.
  @Test func endsAConnectionThatCannotSayGoodbye() throws {
    let line = try Line()
    try line.channel.pipeline.syncOperations.addHandler(NeverCloses(), position: .first)
    line.wait(.seconds(75))
    #expect(line.isOpen)
    line.wait(.seconds(61))
    #expect(!line.isOpen)
  }

  /// A refused chunk in the middle of an answer can only end it.
  @Test func neverMixesARefusalIntoAnAnswer() throws {
    let line = try Line()
    try line.receive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    #expect(try line.passed().hasSuffix("1\r\na\r\n"))
    try line.answer("HTTP/1.1 200 OK\r\n")
    try line.receive("z\r\n")
    #expect(try line.sent() == "HTTP/1.1 200 OK\r\n")
    line.wait(.seconds(2))
    #expect(!line.isOpen)
  }

  // MARK: Time

  @Test func givesAHeadItsTime() throws {
    let line = try Line()
    try line.receive("GET / HT")
    for _ in 0..<29 {
      line.wait(.seconds(1))
      try line.receive("")
    }
    #expect(try line.sent() == "")
    line.wait(.seconds(1))
    #expect(try line.sent().hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
    line.wait(.seconds(2))
    #expect(!line.isOpen)
  }

  @Test func everyHeadHasItsOwnTime() throws {
    let line = try Line()
    for _ in 0..<3 {
      try line.receive("GET / HTTP/1.1\r\n")
      line.wait(.seconds(29))
      try line.receive("Host: a\r\n\r\n")
      line.signal(.answered)
    }
    #expect(try line.sent() == "" && line.isOpen)
  }

  @Test func closesIdleConnections() throws {
    let line = try Line()
    line.wait(.seconds(74))
    try line.receive(Self.get)
    line.wait(.seconds(500))
    #expect(line.isOpen)
    line.signal(.answered)
    line.wait(.seconds(74))
    #expect(line.isOpen)
    line.wait(.seconds(1))
    #expect(!line.isOpen)
    #expect(try line.sent() == "")
  }

  /// A body that nobody wanted is read away for a moment, so that the client sees the answer.
  @Test func readsAnUnwantedBodyAwayWithinBounds() throws {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
    let slow = try Line()
    try slow.receive(head)
    slow.signal(.answered)
    try slow.receive("x")
    #expect(slow.isOpen)
    slow.wait(.seconds(4))
    #expect(!slow.isOpen)

    let large = try Line()
    try large.receive(head)
    large.signal(.answered)
    _ = try large.passed()
    try large.receive(String(repeating: "x", count: 65 * 1024))
    #expect(try large.passed() == "")
    large.wait(.seconds(2))
    #expect(!large.isOpen)
  }

  @Test func aSmallUnwantedBodyKeepsTheConnection() throws {
    let line = try Line()
    try line.receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
    line.signal(.answered)
    try line.receive("bc" + Self.get)
    #expect(try line.passed().hasSuffix("abc" + Self.get))
  }

  // MARK: Ends

  @Test func requestsBeforeTheClientsEndAreAnswered() throws {
    let line = try Line()
    try line.receive(Self.get + Self.get)
    line.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    _ = try line.passed()
    line.signal(.answered)
    #expect(try line.passed() == Self.get)
  }

  @Test func anAddressWithTooManyConnectionsIsToldSo() throws {
    let line = try Line(welcome: .refused(.tooManyConnections))
    let answer = try line.sent()
    #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n") && answer.contains("Retry-After: 1\r\n"))
    try line.receive(Self.get)
    #expect(try line.passed() == "")
    line.wait(.seconds(2))
    #expect(!line.isOpen)
  }

  /// Behind TLS without a word: a handshake is what would cost most.
  @Test(arguments: [false, true])
  func anAddressHasSoManyConnectionsAndNoMore(isSecure: Bool) throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let guarded = GuardedChannel(
      base: NoServer(), limits: Self.limits, addresses: AddressCount(limit: 1), isSecure: isSecure)
    let folder = URL(filePath: #filePath).appending(path: "../../../EndToEnd/tls").standardizedFileURL
    let certificate = try TLSCertificate(
      certificate: folder.appending(path: "first.crt").path, key: folder.appending(path: "first.key").path)
    let closes = CloseRecorder()
    func connect(addsRecorder: Bool) throws -> EmbeddedChannel {
      let channel = EmbeddedChannel()
      let address = try SocketAddress(ipAddress: "192.0.2.1", port: 5)
      channel.remoteAddress = address
      if isSecure {
        _ = TLSListener(base: guarded, certificate: certificate).setup(channel: channel, logger: logger)
      } else {
        _ = guarded.setup(channel: channel, logger: logger)
      }
      if addsRecorder { try channel.pipeline.syncOperations.addHandler(closes, position: .first) }
      try channel.connect(to: address).wait()
      return channel
    }
    let first = try connect(addsRecorder: false)
    let second = try connect(addsRecorder: true)
    #expect(first.isActive)
    #expect(try first.readOutbound(as: IOData.self) == nil)
    #expect(closes.modes == (isSecure ? [.all] : [.output]))
    if case .byteBuffer(let answer)? = try second.readOutbound(as: IOData.self) {
      #expect(!isSecure && String(buffer: answer).hasPrefix("HTTP/1.1 503 "))
    } else {
      #expect(isSecure)
    }
    // Their places are free again when they have gone.
    for channel in [first, second] {
      channel.close(mode: .all, promise: nil)
      channel.embeddedEventLoop.advanceTime(by: .seconds(120))
    }
    let third = try connect(addsRecorder: false)
    #expect(third.isActive)
    #expect(try third.readOutbound(as: IOData.self) == nil)
  }

  @Test func countsTheConnectionsOfAnAddress() {
    let count = AddressCount(limit: 2)
    #expect(count.enter("192.0.2.1") && count.enter("192.0.2.1") && count.enter("192.0.2.2"))
    #expect(!count.enter("192.0.2.1"))
    count.leave("192.0.2.1")
    #expect(!count.enter("192.0.2.1"))
    count.leave("192.0.2.1")
    count.leave("192.0.2.1")
    #expect(count.enter("192.0.2.1"))
    for _ in 0..<10 { #expect(count.enter("127.0.0.1") && count.enter("::1") && count.enter("::ffff:127.0.0.1")) }
  }
}

/// Nobody behind the guard.
private struct NoServer: ServerChildChannel {
  struct Value: ServerChildChannelValue {
    let channel: any Channel
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeSucceededFuture(Value(channel: channel))
  }

  func handle(value: Value, logger: Logger) async {}
}

private final class ReadCounter: ChannelOutboundHandler {
  typealias OutboundIn = IOData

  private(set) var count = 0

  func read(context: ChannelHandlerContext) {
    count += 1
    context.read()
  }
}

/// How a connection was closed, as its socket sees it.
private final class CloseRecorder: ChannelOutboundHandler {
  typealias OutboundIn = IOData

  private(set) var modes: [CloseMode] = []

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    modes.append(mode)
    context.close(mode: mode, promise: promise)
  }
}

/// Loses the wish to close the output.
private final class NeverCloses: ChannelOutboundHandler {
  typealias OutboundIn = IOData

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if mode == .all { context.close(mode: mode, promise: promise) } else { lost = promise }
  }

  func handlerRemoved(context: ChannelHandlerContext) { lost?.fail(ChannelError.ioOnClosedChannel) }

  private var lost: EventLoopPromise<Void>?
}
