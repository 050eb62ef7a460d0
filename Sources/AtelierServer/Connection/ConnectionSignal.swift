/// What whoever answers a connection's requests tells its `ConnectionGuard`, as outbound events of the channel.
enum ConnectionSignal: Sendable, Hashable {
  /// The answer is written; the next request may come.
  case answered
  /// The answer is written, and it was the last.
  case answeredLast
  /// The request's work ends when the client leaves, so that must be said at once.
  case watchesClient
  /// Close without waiting for anything.
  case cut
}
