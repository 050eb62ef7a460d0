import Synchronization

/// Hands the first answer to the one who waits; later ones are lost.
final class LookupAnswer: Sendable {
  private enum State {
    case open
    case awaited(CheckedContinuation<[IPAddress], Never>)
    case given([IPAddress])
  }

  private let state = Mutex(State.open)

  /// Once.
  func wait(_ continuation: CheckedContinuation<[IPAddress], Never>) {
    let early = state.withLock { state -> [IPAddress]? in
      if case .given(let addresses) = state { return addresses }
      state = .awaited(continuation)
      return nil
    }
    if let early { continuation.resume(returning: early) }
  }

  func give(_ addresses: [IPAddress]) {
    let waiting = state.withLock { state -> CheckedContinuation<[IPAddress], Never>? in
      switch state {
      case .given: return nil
      case .open:
        state = .given(addresses)
        return nil
      case .awaited(let continuation):
        state = .given(addresses)
        return continuation
      }
    }
    waiting?.resume(returning: addresses)
  }
}
