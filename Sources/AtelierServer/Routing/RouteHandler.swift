/// Answers the requests of one route.
protocol RouteHandler: Sendable {
  /// True when the work is for this client only: it is cancelled when the client goes, and the connection closes after
  /// the answer, because the server has been reading ahead to notice.
  var endsWithClient: Bool { get }

  /// Answers through `exchange`, or throws an `AtelierError` before anything was sent. Any other error means that the
  /// connection is of no more use.
  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws
}

extension RouteHandler {
  var endsWithClient: Bool { false }
}
