import AtelierCore

/// The other end of a worker's socket as something that lives and dies: a process in the product.
///
/// `start` and `reap` are called on the connection's own thread, which outlives the worker.
protocol WorkerPeer: Sendable {
  /// Brings it to life with its end of the socket. Throws `modelLoadFailed`.
  func start() throws(AtelierError)
  /// Ends it at once; may be called at any time, from any thread, more than once.
  func kill()
  /// Waits until it is gone and says how it ended, for the log. Kills it first if it still lives.
  func reap() -> String
}
