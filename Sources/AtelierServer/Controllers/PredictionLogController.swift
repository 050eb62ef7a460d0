import AtelierAPI
import AtelierCore
import HTTPTypes
import HummingbirdCore
import NIOCore
import ServiceLifecycle

/// `GET /atelier/log`, for `atelier log stream`: server-sent events until the client leaves or the server stops.
///
/// They show everybody's prompts, so no web page may have them, and only a server that strangers cannot reach shows them. A
/// token that is revoked in the meantime sees nothing more.
struct PredictionLogController: RouteHandler {
  let feed: PredictionFeed
  /// Other machines cannot reach the server.
  let isLocal: Bool

  private static let keepAlive = Duration.seconds(15)

  var endsWithClient: Bool { true }

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    guard request.request.headers[.origin] == nil else {
      throw AtelierError(.forbiddenOrigin, "Web pages may not watch the log.")
    }
    guard isLocal || exchange.caller.tokenID != nil else {
      throw AtelierError(
        .permissionDenied, "The log shows prompts; a server that other machines reach shows it with require_auth only.")
    }
    let (items, continuation) = try feed.watch()
    defer { continuation.finish() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        while true {
          try await Task.sleep(for: Self.keepAlive)
          continuation.yield(.silence)
        }
      }
      defer { group.cancelAll() }
      var writer = try await exchange.begin(headers: [
        .contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache",
      ])
      // A head alone may wait for its body; the comment tells the client that it is connected.
      try await writer.write(Self.bytes(.comment("watching")))
      try await withGracefulShutdownHandler {
        for await item in items {
          guard await exchange.isStillAllowed() else { break }
          switch item {
          case .event(let event): try await writer.write(Self.bytes(.json(event)))
          case .silence: try await writer.write(Self.bytes(.comment("ping")))
          }
        }
      } onGracefulShutdown: {
        continuation.finish()
      }
      try Task.checkCancellation()
      try await writer.finish(nil)
    }
  }

  private static func bytes(_ event: ServerSentEvent) -> ByteBuffer {
    var bytes: [UInt8] = []
    event.write(into: &bytes)
    return ByteBuffer(bytes: bytes)
  }
}
