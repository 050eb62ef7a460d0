import AtelierCore
import Synchronization

/// Events of one generation between the thread that reads the worker's socket and the task that consumes them.
///
/// Deltas of one block that wait together become one, so the number of waiting events is bounded by the blocks; the bytes
/// of waiting text are bounded by `byteLimit`.
final class EventBuffer: Sendable {
  private struct State {
    var pending: [GenerationEvent] = []
    var head = 0
    var bytes = 0
    var ended = false
    var consumer: CheckedContinuation<GenerationEvent?, Never>?
  }

  private let byteLimit: Int
  private let state = Mutex(State())

  init(byteLimit: Int) { self.byteLimit = byteLimit }

  /// False when the consumer is too far behind: the event was kept, but the caller should end the generation.
  func push(_ event: GenerationEvent) -> Bool {
    let (consumer, fits) = state.withLock { state -> (CheckedContinuation<GenerationEvent?, Never>?, Bool) in
      if state.ended { return (nil, true) }
      if let consumer = state.consumer {
        state.consumer = nil
        return (consumer, true)
      }
      if state.head < state.pending.count,
        let merged = Self.merge(state.pending[state.pending.count - 1], event)
      {
        state.pending[state.pending.count - 1] = merged
      } else {
        state.pending.append(event)
      }
      state.bytes += Self.cost(event)
      return (nil, state.bytes <= byteLimit)
    }
    consumer?.resume(returning: event)
    return fits
  }

  /// Nothing comes after what was pushed.
  func end() {
    let consumer = state.withLock { state in
      state.ended = true
      defer { state.consumer = nil }
      return state.consumer
    }
    consumer?.resume(returning: nil)
  }

  /// The next event; nil at the end and when the task is cancelled.
  func next() async -> GenerationEvent? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = state.withLock { state -> GenerationEvent?? in
          if state.head < state.pending.count {
            let event = state.pending[state.head]
            state.head += 1
            state.bytes -= Self.cost(event)
            if state.head == state.pending.count {
              state.pending.removeAll(keepingCapacity: true)
              state.head = 0
            }
            return .some(event)
          }
          if state.ended || Task.isCancelled { return .some(nil) }
          state.consumer = continuation
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      end()
    }
  }

  /// One event that says the same as two; nil when they have to stay apart.
  private static func merge(_ first: GenerationEvent, _ second: GenerationEvent) -> GenerationEvent? {
    switch (first, second) {
    case (.reasoningDelta(let one), .reasoningDelta(let two)): .reasoningDelta(one + two)
    case (.messageDelta(let one, let head), .messageDelta(let two, let tail)): .messageDelta(one + two, head + tail)
    case (.toolCallArgumentsDelta(let one), .toolCallArgumentsDelta(let two)): .toolCallArgumentsDelta(one + two)
    case (.promptProgress, .promptProgress): second
    default: nil
    }
  }

  /// Bytes of memory, roughly; the same before and after merging. A prompt's probabilities come once in an answer and in
  /// one report, which bounds them.
  private static func cost(_ event: GenerationEvent) -> Int {
    switch event {
    case .reasoningDelta(let text), .toolCallArgumentsDelta(let text): text.utf8.count
    case .messageDelta(let text, let tokens):
      tokens.reduce(text.utf8.count) { $0 + 24 * (1 + $1.top.count) }
    default: 0
    }
  }
}
