import Synchronization

/// Raised by a test, lowered by the first who looks.
final class Flag: Sendable {
  private let state = Mutex(false)

  func raise() { state.withLock { $0 = true } }

  func take() -> Bool {
    state.withLock { raised in
      defer { raised = false }
      return raised
    }
  }
}
