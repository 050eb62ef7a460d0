import Foundation

/// Makes a second context on a thread of its own: its memory is cleared page by page, and streams would stand still
/// meanwhile. It takes a core for some tenths of a second, and the threads of a step wait for each other, so it had better
/// be done while there are no steps. (At the lowest priority it would take a quarter of a minute beside them.)
///
/// `@unchecked Sendable`: `state` and `made` are only touched under `condition`.
final class StageMaker: @unchecked Sendable {
  private enum State {
    case waiting
    case making
    case made
    case withdrawn
  }

  private let condition = NSCondition()
  private var state: State
  private var made: LlamaContext?

  /// Begins after so many seconds unless it is withdrawn before.
  init(_ context: LlamaContext, tokens: Int, after delay: Double) {
    state = delay > 0 ? .waiting : .making
    let thread = Thread { [self] in
      guard wait(delay) else { return }
      let sibling = context.sibling(tokens: tokens)
      condition.withLock {
        made = sibling
        state = .made
        condition.broadcast()
      }
    }
    thread.name = "stage"
    thread.start()
  }

  /// False: it has been withdrawn.
  private func wait(_ seconds: Double) -> Bool {
    let deadline = Date(timeIntervalSinceNow: seconds)
    return condition.withLock {
      while state == .waiting, condition.wait(until: deadline) {}
      guard state != .withdrawn else { return false }
      state = .making
      return true
    }
  }

  /// Ends the waiting. False: it has begun.
  func withdraw() -> Bool {
    condition.withLock {
      guard state == .waiting else { return false }
      state = .withdrawn
      condition.signal()
      return true
    }
  }

  /// Returns when nothing more will come.
  func waitUntilMade() {
    condition.withLock {
      while state == .waiting || state == .making { condition.wait() }
    }
  }

  /// Once it is there; the inner nil: it could not be made.
  func take() -> LlamaContext?? {
    condition.withLock { state == .made ? .some(made) : nil }
  }
}
