import HTTPTypes
import HummingbirdCore
import NIOCore

/// Writes one answer to a connection.
final class ConnectionSink: ResponseSink {
  private var writer: ResponseWriter?
  let abort: @Sendable () -> Void
  let executor: (any TaskExecutor)?

  struct AlreadyAnswered: Error {}

  init(_ writer: consuming ResponseWriter, channel: any Channel) {
    self.writer = consume writer
    executor = EventLoopExecutor(channel.eventLoop)
    self.abort = { channel.triggerUserOutboundEvent(ConnectionSignal.cut, promise: nil) }
  }

  func inform(_ head: HTTPResponse) async throws {
    guard let writer = writer.take() else { throw AlreadyAnswered() }
    do { try await writer.writeInformationalHead(head) } catch {
      throw error
    }
    self.writer = consume writer
  }

  func send(_ head: HTTPResponse, body: ByteBuffer?) async throws {
    guard let writer = writer.take() else { throw AlreadyAnswered() }
    try await writer.write(response: head, body: body.map(ResponseBody.init(byteBuffer:)) ?? ResponseBody())
  }

  func begin(_ head: HTTPResponse) async throws -> any ResponseBodyWriter {
    guard let writer = writer.take() else { throw AlreadyAnswered() }
    return try await writer.writeHead(head)
  }
}
