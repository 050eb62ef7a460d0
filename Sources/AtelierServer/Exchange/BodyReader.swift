import AtelierCore
import HTTPTypes
import HummingbirdCore
import NIOCore
import Synchronization

/// Reads a request's body within its limits. What it read counts as held until the exchange is over.
struct BodyReader: Sendable {
  /// Bytes.
  let limit: Int
  /// Longest pause between two pieces.
  let gap: Duration
  /// Of all bodies together.
  let budget: BodyBudget

  init(_ limits: ServerLimits) {
    limit = limits.body
    gap = limits.bodyGap
    // One body of the size that is allowed must fit.
    budget = BodyBudget(limit: max(limits.bodies, limits.body))
  }

  /// Throws `requestTooLarge` (from the declared length if there is one, before anything is read), `unsupportedMediaType`,
  /// `requestTimeout`, and `serverBusy` when too much of other requests is held.
  func read(_ request: Request, _ exchange: Exchange) async throws -> ByteBuffer {
    if let coding = request.headers[.contentEncoding], coding.lowercased() != "identity" {
      throw refuse(exchange, AtelierError(.unsupportedMediaType, "Compressed request bodies are not accepted."))
    }
    if let declared = request.headers[.contentLength].flatMap({ Int($0) }), declared > limit {
      throw refuse(exchange, tooLarge)
    }
    try await exchange.acceptBody()

    let watch = GapWatch(gap)
    let share = BodyBudget.Share(of: budget)
    exchange.bodyShare = share
    return try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
      group.addTask {
        try await watch.expire()
        throw AtelierError(.requestTimeout, "The request body stopped arriving.")
      }
      group.addTask { try await collect(request.body, watch, share) }
      defer { group.cancelAll() }
      do {
        guard let body = try await group.next() else { throw CancellationError() }
        return body
      } catch let error as AtelierError {
        throw refuse(exchange, error)
      }
    }
  }

  private func collect(
    _ pieces: RequestBody, _ watch: GapWatch, _ share: BodyBudget.Share
  ) async throws -> ByteBuffer {
    var body = ByteBuffer()
    for try await piece in pieces {
      watch.noteProgress()
      guard body.readableBytes + piece.readableBytes <= limit else { throw tooLarge }
      guard share.grow(by: piece.readableBytes) else { throw Self.busy }
      if body.readableBytes == 0 { body = piece } else { body.writeImmutableBuffer(piece) }
    }
    try Task.checkCancellation()
    return body
  }

  private var tooLarge: AtelierError {
    AtelierError(.requestTooLarge, "The request body is larger than \(limit) bytes.")
  }

  private static var busy: AtelierError {
    AtelierError(
      .serverBusy, "The server holds as much of other requests as it may. Try again in a moment.", retryAfter: 1)
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
