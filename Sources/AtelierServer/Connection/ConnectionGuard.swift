import AtelierAPI
import AtelierCore
import HTTPTypes
import NIOCore

/// The first to see a connection's bytes. Lets one checked request through at a time and holds the rest back, answers
/// what is no request, and ends connections that wait too long, in either direction. Behind it stands the stock decoder,
/// which sees nothing but requests written anew.
///
/// Bounds: of requests that wait for the one being answered, about `mostHeld` or `longestHeld` bytes are taken from the
/// socket. Ends with grace: what was written is flushed, and what the client still sends is read away for a moment, because
/// closing over unread bytes would make the client's system throw the answer away.
final class ConnectionGuard: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = IOData
  typealias OutboundOut = IOData

  struct Limits: Sendable, Hashable {
    /// From a head's first byte to its last.
    var head: TimeAmount
    /// Between requests.
    var idle: TimeAmount
    /// Without the client taking a byte of what waits for it.
    var stall: TimeAmount
  }

  /// What becomes of a connection from its first moment on.
  enum Welcome: Sendable, Hashable {
    case served
    /// Answered to the connection itself, whatever it sends.
    case refused(RequestRefusal)
    /// Closed without a word: behind TLS a word would cost a handshake first.
    case closed
  }

  static let mostHeld = 16
  static let longestHeld = 64 * 1024
  /// Bytes of a body that nobody wanted which are read away to keep the connection.
  private static let longestDrain = 64 * 1024
  private static let farewell = TimeAmount.seconds(2)

  private enum Phase {
    case receiving
    /// A whole request was passed on and is being answered.
    case answering
    case closing
  }

  private enum Deadline { case idle, head, drain, farewell }

  private let limits: Limits
  private let welcome: Welcome

  private var phase = Phase.receiving
  private var parser = RequestParser()
  private var buffer = ByteBuffer()
  private var framing = RequestHead.Framing.none
  /// The answer is complete although the request is not.
  private var isAnswered = false
  private var drained = 0
  /// Part of the current request's answer was written.
  private var hasBegun = false
  private var held = HeldRequests()
  private var owesRead = false
  private var watchesClient = false
  private var clientIsDone = false
  private var owesEnd = false
  private var lingers = false
  private var outputIsClosed = false
  private var isCut = false

  private var deadline: (kind: Deadline, at: NIODeadline)?
  private var alarm: Scheduled<Void>?
  private var alarmTime = NIODeadline.distantFuture
  private var written = 0
  private var progress: (taken: Int, at: NIODeadline)?
  private var progressCheck: Scheduled<Void>?

  init(_ limits: Limits, welcome: Welcome = .served) {
    self.limits = limits
    self.welcome = welcome
  }

  // MARK: Life

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { begin(context) } }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard deadline == nil, phase == .receiving else { return }
    switch welcome {
    case .served: watchReceiving(context)
    case .refused(let refusal): refuse(refusal, context)
    case .closed:
      phase = .closing
      cut(context)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    stopClocks()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { stopClocks() }

  private func stopClocks() {
    alarm?.cancel()
    alarm = nil
    progressCheck?.cancel()
    progressCheck = nil
  }

  // MARK: Inbound

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    guard phase != .closing else { return }
    if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeBuffer(&bytes) }
    if phase == .receiving { process(context) } else { held.count(buffer) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if phase == .closing { context.read() } else { context.fireChannelReadComplete() }
  }

  /// Passes on what is there of the current request, and the next one if that is its turn.
  private func process(_ context: ChannelHandlerContext) {
    while phase == .receiving {
      do throws(RequestRefusal) {
        guard let part = try parser.next(&buffer) else { break }
        pass(part, context)
      } catch {
        return refuse(error, context)
      }
    }
    if buffer.readableBytes == 0 { buffer = ByteBuffer() } else { buffer.discardReadBytes() }
    switch phase {
    case .receiving:
      watchReceiving(context)
      if owesEnd { passEnd(context) }
    case .answering:
      deadline = nil
      held = HeldRequests()
      held.count(buffer)
    case .closing: break
    }
  }

  private func pass(_ part: RequestParser.Part, _ context: ChannelHandlerContext) {
    var bytes = ByteBuffer()
    switch part {
    case .head(let head):
      (framing, isAnswered, hasBegun, watchesClient) = (head.framing, false, false, false)
      head.write(into: &bytes)
    case .body(let piece):
      if isAnswered {
        drained += piece.readableBytes
        if drained > Self.longestDrain { return beginClosing(context, lingering: true) }
      }
      bytes = piece
      if framing == .chunked {
        bytes = ByteBuffer(string: String(piece.readableBytes, radix: 16) + "\r\n")
        bytes.writeImmutableBuffer(piece)
        bytes.writeStaticString("\r\n")
      }
    case .end:
      phase = isAnswered ? .receiving : .answering
      isAnswered = false
      guard framing == .chunked else { return }
      bytes.writeStaticString("0\r\n\r\n")
    }
    context.fireChannelRead(wrapInboundOut(bytes))
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
    clientIsDone = true
    if phase == .closing {
      if outputIsClosed { context.close(mode: .all, promise: nil) }
    } else if phase == .answering, buffer.readableBytes > 0, !watchesClient {
      // Requests that arrived before the end are answered before it.
      owesEnd = true
    } else {
      passEnd(context)
    }
  }

  private func passEnd(_ context: ChannelHandlerContext) {
    owesEnd = false
    context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
  }

  // MARK: Outbound

  func read(context: ChannelHandlerContext) {
    if phase == .answering, held.isEnough || buffer.readableBytes >= Self.longestHeld {
      owesRead = true
    } else {
      context.read()
    }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let bytes = unwrapOutboundIn(data)
    if !hasBegun { hasBegun = !Self.isInformational(bytes) }
    written += bytes.readableBytes
    context.write(data, promise: promise)
  }

  private static func isInformational(_ data: IOData) -> Bool {
    guard case .byteBuffer(let bytes) = data else { return false }
    return bytes.readableBytesView.starts(with: "HTTP/1.1 1".utf8)
  }

  func flush(context: ChannelHandlerContext) {
    context.flush()
    if progressCheck == nil, let waiting = waiting(context), waiting > 0 {
      progress = (written - waiting, context.eventLoop.now)
      checkProgressLater(context)
    }
  }

  func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
    guard let signal = event as? ConnectionSignal else {
      return context.triggerUserOutboundEvent(event, promise: promise)
    }
    switch signal {
    case .answered: answered(context)
    case .answeredLast: beginClosing(context, lingering: hasUnread)
    case .watchesClient:
      watchesClient = true
      if owesEnd { passEnd(context) }
    case .cut: cut(context)
    }
    promise?.succeed()
  }

  private func answered(_ context: ChannelHandlerContext) {
    hasBegun = false
    switch phase {
    case .closing: return
    case .receiving:
      isAnswered = true
      drained = 0
      set(.drain, after: Self.farewell, context)
    case .answering:
      phase = .receiving
      process(context)
      guard phase != .closing else { return }
      context.fireChannelReadComplete()
      if owesRead {
        owesRead = false
        read(context: context)
      }
    }
  }

  // MARK: Ends

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    switch mode {
    case .input:
      // The connection's task was cancelled: nobody is left to wait.
      isCut = true
      context.close(mode: phase == .closing ? .all : .input, promise: promise)
    case .output, .all:
      guard context.channel.isActive, !isCut else { return context.close(mode: mode, promise: promise) }
      context.channel.closeFuture.cascade(to: promise)
      beginClosing(context, lingering: hasUnread)
    }
  }

  private var hasUnread: Bool { !parser.isBetweenRequests || buffer.readableBytes > 0 }

  private func cut(_ context: ChannelHandlerContext) {
    isCut = true
    context.close(mode: .all, promise: nil)
  }

  /// Answers what is no request, if nothing else is being said, and ends the connection.
  private func refuse(_ refusal: RequestRefusal, _ context: ChannelHandlerContext) {
    if !hasBegun, !isAnswered {
      let answer = Self.answer(refusal, target: parser.target)
      written += answer.readableBytes
      context.write(wrapOutboundOut(.byteBuffer(answer)), promise: nil)
      flush(context: context)
    }
    beginClosing(context, lingering: true)
  }

  private static func answer(_ refusal: RequestRefusal, target: String?) -> ByteBuffer {
    let id = "req_" + RandomText.hexadecimal(24)
    let response = Surface(target.flatMap(RequestPath.init(target:))).response(to: refusal.error, requestID: id)
    var body: [UInt8] = []
    response.body.write(into: &body)
    var bytes = ByteBuffer()
    bytes.writeString("HTTP/1.1 \(refusal.status.code) \(refusal.status.reasonPhrase)\r\n")
    bytes.writeString("content-type: application/json\r\ncontent-length: \(body.count)\r\n")
    bytes.writeString("x-content-type-options: nosniff\r\nx-request-id: \(id)\r\n")
    for (name, value) in response.headers.sorted(by: { $0.key < $1.key }) { bytes.writeString("\(name): \(value)\r\n") }
    bytes.writeStaticString("connection: close\r\n\r\n")
    bytes.writeBytes(body)
    return bytes
  }

  private func beginClosing(_ context: ChannelHandlerContext, lingering: Bool) {
    lingers = lingers || lingering
    guard phase != .closing else { return }
    phase = .closing
    // What stands before the socket may never be done with closing: TLS in a handshake that the client does not go on with.
    set(.farewell, after: limits.stall, context)
    buffer = ByteBuffer()
    let flushed = context.eventLoop.makePromise(of: Void.self)
    flushed.futureResult.assumeIsolatedUnsafeUnchecked().whenComplete { _ in self.outputClosed(context) }
    context.close(mode: .output, promise: flushed)
  }

  private func outputClosed(_ context: ChannelHandlerContext) {
    outputIsClosed = true
    guard context.channel.isActive else { return }
    guard lingers, !clientIsDone else { return context.close(mode: .all, promise: nil) }
    set(.farewell, after: Self.farewell, context)
    context.read()
  }

  // MARK: Time

  private func watchReceiving(_ context: ChannelHandlerContext) {
    if parser.isBetweenRequests, buffer.readableBytes == 0 {
      set(.idle, after: limits.idle, context)
    } else if parser.isInHead {
      if deadline?.kind != .head { set(.head, after: limits.head, context) }
    } else if !isAnswered {
      // How long a body may take is for its reader to say.
      deadline = nil
    }
  }

  private func set(_ kind: Deadline, after wait: TimeAmount, _ context: ChannelHandlerContext) {
    let time = context.eventLoop.now + wait
    deadline = (kind, time)
    // One that rings early sets itself again, so most requests cost no new one.
    if alarm == nil || time < alarmTime { ring(at: time, context) }
  }

  private func ring(at time: NIODeadline, _ context: ChannelHandlerContext) {
    alarm?.cancel()
    alarmTime = time
    alarm = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(deadline: time) {
      self.alarm = nil
      self.rang(context)
    }
  }

  private func rang(_ context: ChannelHandlerContext) {
    guard let deadline else { return }
    guard context.eventLoop.now >= deadline.at else { return ring(at: deadline.at, context) }
    self.deadline = nil
    switch deadline.kind {
    case .idle: beginClosing(context, lingering: false)
    case .head: refuse(.slowHead, context)
    case .drain: beginClosing(context, lingering: true)
    case .farewell:
      guard !outputIsClosed, let waiting = waiting(context), waiting > 0 else { return cut(context) }
      // The client still takes what was written, as long as the check of its progress finds.
      flush(context: context)
      set(.farewell, after: limits.stall, context)
    }
  }

  // MARK: A client that does not read

  /// Bytes that were written and have not left for the kernel.
  private func waiting(_ context: ChannelHandlerContext) -> Int? {
    try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
  }

  private func checkProgressLater(_ context: ChannelHandlerContext) {
    progressCheck = context.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(
      in: .nanoseconds(max(limits.stall.nanoseconds / 4, 1_000_000))
    ) {
      self.progressCheck = nil
      self.checkProgress(context)
    }
  }

  private func checkProgress(_ context: ChannelHandlerContext) {
    guard context.channel.isActive, let waiting = waiting(context), waiting > 0, let before = progress else { return }
    let now = context.eventLoop.now
    if written - waiting > before.taken {
      progress = (written - waiting, now)
    } else if now - before.at >= limits.stall {
      return cut(context)
    }
    checkProgressLater(context)
  }
}
