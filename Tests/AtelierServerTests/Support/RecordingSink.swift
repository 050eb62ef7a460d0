import AtelierServer
import HTTPTypes
import HummingbirdCore
import NIOCore
import Synchronization

/// Keeps what a connection would have sent.
final class RecordingSink: ResponseSink, Sendable {
  private struct State {
    var head: HTTPResponse?
    var writes: [String] = []
    var isFinished = false
    var hasBody = false
    var wasAborted = false
  }

  private final class Box: Sendable {
    let state = Mutex(State())
  }

  private let box = Box()

  var status: Int { box.state.withLock { $0.head?.status.code ?? 0 } }
  var headers: HTTPFields { box.state.withLock { $0.head?.headerFields ?? [:] } }
  var body: String { box.state.withLock { $0.writes.joined() } }
  var writes: [String] { box.state.withLock(\.writes) }
  var hasBody: Bool { box.state.withLock(\.hasBody) }
  var isFinished: Bool { box.state.withLock(\.isFinished) }

  let abort: @Sendable () -> Void = {}

  func inform(_ head: HTTPResponse) async throws {}

  func send(_ head: HTTPResponse, body: ByteBuffer?) async throws {
    box.state.withLock {
      $0.head = head
      $0.hasBody = body != nil
      $0.isFinished = true
      if let body { $0.writes.append(String(buffer: body)) }
    }
  }

  func begin(_ head: HTTPResponse) async throws -> any ResponseBodyWriter {
    box.state.withLock { $0.head = head }
    return Writer(box: box)
  }

  private struct Writer: ResponseBodyWriter {
    let box: Box

    mutating func write(_ buffer: ByteBuffer) async throws {
      box.state.withLock { $0.writes.append(String(buffer: buffer)) }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws { box.state.withLock { $0.isFinished = true } }
  }
}
