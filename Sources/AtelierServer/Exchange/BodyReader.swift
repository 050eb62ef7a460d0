import AtelierCore
import HTTPTypes
import HummingbirdCore
import NIOCore
import Synchronization

/// Reads a request's body within its limits.
struct BodyReader: Sendable {
  /// Bytes.
  let limit: Int
  /// Longest pause between two pieces.
  let gap: Duration

  /// Throws `requestTooLarge` (from the declared length if there is one, before anything is read) and
  /// `unsupportedMediaType` and `requestTimeout`.
  func read(_ request: Request, _ exchange: Exchange) async throws -> ByteBuffer {
    if let coding = request.headers[.contentEncoding], coding.lowercased() != "identity" {
      throw refuse(exchange, AtelierError(.unsupportedMediaType, "Compressed request bodies are not accepted."))
    }
    if let declared = request.headers[.contentLength].flatMap({ Int($0) }), declared > limit {
      throw refuse(exchange, tooLarge)
    }
    try await exchange.acceptBody()

    let watch = GapWatch(gap)
    return try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
      group.addTask {
        try await watch.expire()
        throw AtelierError(.requestTimeout, "The request body stopped arriving.")
      }
      group.addTask { try await collect(request.body, watch) }
      defer { group.cancelAll() }
      do {
        guard let body = try await group.next() else { throw CancellationError() }
        return body
      } catch let error as AtelierError {
        throw refuse(exchange, error)
      }
    }
  }

  private func collect(_ pieces: RequestBody, _ watch: GapWatch) async throws -> ByteBuffer {
    var body = ByteBuffer()
    for try await piece in pieces {
      watch.noteProgress()
      guard body.readableBytes + piece.readableBytes <= limit else { throw tooLarge }
      if body.readableBytes == 0 { body = piece } else { body.writeImmutableBuffer(piece) }
    }
    try Task.checkCancellation()
    return body
  }

  private var tooLarge: AtelierError {
    AtelierError(.requestTooLarge, "The request body is larger than \(limit) bytes.")
  }

  /// What is left of the body is not read, so the connection cannot go on.
  private func refuse(_ exchange: Exchange, _ error: AtelierError) -> AtelierError {
    exchange.closeConnectionAfterwards()
    return error
  }
}

/// Notices when nothing has arrived for a while.
private final class GapWatch: Sendable {
  private let gap: Duration
  private let lastProgress = Mutex(ContinuousClock.now)

  init(_ gap: Duration) { self.gap = gap }

  func noteProgress() { lastProgress.withLock { $0 = .now } }

  private var deadline: ContinuousClock.Instant { lastProgress.withLock { $0 } + gap }

  /// Returns when the gap was exceeded.
  func expire() async throws {
    while deadline > .now { try await Task.sleep(until: deadline, clock: .continuous) }
  }
}

extension BodyReader {
  /// Reads and parses a JSON body, whatever its content type says.
  func readJSON(_ request: Request, _ exchange: Exchange) async throws -> JSONValue {
    let body = try await read(request, exchange)
    do { return try JSONValue(parsing: body.readableBytesView) } catch {
      throw AtelierError(
        .invalidJSON, "The request body is not valid JSON: \(error.reason) at byte \(error.offset).")
    }
  }
}
