import Foundation
import Synchronization

/// Makes a second context on a thread of its own: its memory is cleared page by page, and streams would stand still
/// meanwhile.
final class StageMaker: Sendable {
  private enum State {
    case making
    case made(LlamaContext?)
    case taken
  }

  private let state = Mutex(State.making)

  init(_ context: LlamaContext, tokens: Int) {
    let thread = Thread { [self] in
      let sibling = context.sibling(tokens: tokens)
      state.withLock { $0 = .made(sibling) }
    }
    thread.name = "stage"
    thread.start()
  }

  /// Once it is there, and once only; the inner nil: it could not be made.
  func take() -> LlamaContext?? {
    state.withLock { state in
      guard case .made(let context) = state else { return nil }
      state = .taken
      return .some(context)
    }
  }
}
