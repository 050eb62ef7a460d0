import Synchronization

/// Cancels a generation when nothing can read its stream any more.
final class StreamHandle: Sendable {
  private let cancel: @Sendable () -> Void
  private let ended = Mutex(false)

  init(cancel: @escaping @Sendable () -> Void) { self.cancel = cancel }

  func end() {
    let first = ended.withLock { ended in
      defer { ended = true }
      return !ended
    }
    if first { cancel() }
  }

  deinit { end() }
}
