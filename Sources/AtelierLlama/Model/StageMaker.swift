import Foundation
import Synchronization

/// Makes a second context on a thread of its own: its memory is cleared page by page, and streams would stand still
/// meanwhile. It takes only the time that no other thread wants, as those of a step wait for each other: one that has to
/// share its core makes all of them late.
final class StageMaker: Sendable {
  private enum State {
    case making
    case made(LlamaContext?)
    case taken
  }

  private let state = Mutex(State.making)

  init(_ context: LlamaContext, tokens: Int) {
    let thread = Thread { [self] in
      #if os(Linux)
        let idle: Int32 = 5  // SCHED_IDLE, which glibc's headers show to C only when asked for
        var parameters = sched_param()
        // Where it is refused, the thread is merely no better than others.
        _ = sched_setscheduler(0, idle, &parameters)
      #endif
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
