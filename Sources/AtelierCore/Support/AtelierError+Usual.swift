extension AtelierError {
  /// The client went away, or asked for it.
  package static let requestCancelled = AtelierError(.cancelled, "The request was cancelled.")

  package static let modelUnloaded = AtelierError(.modelUnloaded, "The model was unloaded.")

  package static let engineDied = AtelierError(
    .engineDied, "The engine process of this model ended unexpectedly. The next request starts it again.")

  /// A server that is restarted answers again soon.
  package static let shuttingDown = AtelierError(.shuttingDown, "The server is shutting down.", retryAfter: 10)
}
