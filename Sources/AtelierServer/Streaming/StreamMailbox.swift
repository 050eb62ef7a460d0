import AtelierAPI
import AtelierCore
import Synchronization

/// Between the tasks that take events from the generations and the one that writes to the connection: events are
/// encoded as they arrive, and the writer takes all that is ready at once.
///
/// Holds at most `capacity` bytes and what one event adds; producers wait beyond it, so a slow client slows its own
/// generation and nothing else.
final class StreamMailbox<Encoder: StreamEncoder>: Sendable {
  enum Opening: Sendable {
    case open
    /// The generation failed before anything was shown, so the failure can be an HTTP status.
    case refused(AtelierError)
    case cancelled
  }

  enum Verdict: Sendable { case goOn, waitForSpace, stop }

  private struct State: Sendable {
    var encoder: Encoder
    var bytes: [UInt8] = []
    var isOpen = false
    var refusal: AtelierError?
    var unfinished: Int
    var hasFailed = false
    var hasEnded = false
    var timer: StreamTimer
  }

  private let state: Mutex<State>
  private let capacity: Int
  /// Whether the stream begins with that failure when nothing was sent yet.
  private let opensFor: @Sendable (AtelierError) -> Bool
  private let output = Bell()
  /// One per choice, because a bell is heard by one task.
  private let space: [Bell]

  init(
    _ encoder: Encoder, choices: Int, timer: StreamTimer, capacity: Int = 256 * 1024,
    opensFor: @escaping @Sendable (AtelierError) -> Bool = { _ in false }
  ) {
    state = Mutex(State(encoder: encoder, unfinished: choices, timer: timer))
    self.capacity = capacity
    self.opensFor = opensFor
    space = (0..<choices).map { _ in Bell() }
  }

  // MARK: Producers, one task per choice

  /// Passes on the events of one choice until they end, the answer ends, or the task is cancelled.
  func pass(_ events: AsyncStream<GenerationEvent>, choice: Int) async {
    var room = space[choice].makeAsyncIterator()
    for await event in events {
      let verdict = receive(event, choice: choice)
      if case .finished = event { return }
      switch verdict {
      case .goOn: continue
      case .stop: return
      case .waitForSpace:
        while isFull { guard await room.next() != nil else { return end() } }
      }
    }
    end()
  }

  private var isFull: Bool { state.withLock { $0.bytes.count > capacity && !$0.hasEnded } }

  private func receive(_ event: GenerationEvent, choice: Int) -> Verdict {
    let verdict = state.withLock { state -> Verdict in
      guard !state.hasEnded else { return .stop }
      if case .failed(let error) = event {
        guard state.isOpen || opensFor(error) else {
          state.refusal = error
          state.hasEnded = true
          return .stop
        }
        state.hasFailed = true
      }
      for frame in state.encoder.encode(event, choice: choice) {
        frame.write(into: &state.bytes)
        state.isOpen = true
      }
      if case .finished = event {
        state.unfinished -= 1
        // A failure ends the whole answer, also for choices that could go on.
        if state.unfinished == 0 || state.hasFailed { state.hasEnded = true }
      }
      if state.hasEnded { return .stop }
      return state.bytes.count > capacity ? .waitForSpace : .goOn
    }
    output.ring()
    return verdict
  }

  /// A choice's events are over without `finished`: its task was cancelled, and with it the answer.
  private func end() {
    state.withLock { $0.hasEnded = true }
    output.ring()
  }

  /// Ends the answer where it is, as something the client wanted.
  func stop() {
    state.withLock { state in
      guard !state.hasEnded else { return }
      for choice in space.indices {
        let end = GenerationEvent.finished(GenerationResult(finishReason: .userStopped))
        for frame in state.encoder.encode(end, choice: choice) { frame.write(into: &state.bytes) }
      }
      state.isOpen = true
      state.hasEnded = true
    }
    output.ring()
    for bell in space { bell.ring() }
  }

  // MARK: The timekeeper

  func timerAction(at now: ContinuousClock.Instant) -> StreamTimer.Action {
    state.withLock { $0.timer.action(at: now) }
  }

  func keepAlive(at now: ContinuousClock.Instant) {
    state.withLock { state in
      state.isOpen = true
      state.timer.wrote(at: now)
      state.encoder.keepAlive()?.write(into: &state.bytes)
    }
    output.ring()
  }

  // MARK: The writer

  /// Waits until the stream must be opened or cannot be.
  func opening() async -> Opening {
    var ready = output.makeAsyncIterator()
    while true {
      let opening = state.withLock { state -> Opening? in
        if let error = state.refusal { return .refused(error) }
        return state.isOpen || state.hasEnded ? .open : nil
      }
      if let opening { return opening }
      guard await ready.next() != nil else { return .cancelled }
    }
  }

  /// All that is ready; waits for something; nil at the end or when the task is cancelled.
  func next() async -> [UInt8]? {
    var ready = output.makeAsyncIterator()
    while true {
      let (bytes, ended) = state.withLock { state -> ([UInt8], Bool) in
        let bytes = state.bytes
        state.bytes = []
        if !bytes.isEmpty { state.timer.writeBegan() }
        return (bytes, state.hasEnded)
      }
      if !bytes.isEmpty {
        for bell in space { bell.ring() }
        return bytes
      }
      if ended { return nil }
      guard await ready.next() != nil else { return nil }
    }
  }

  func writeEnded() { state.withLock { $0.timer.writeEnded(at: .now) } }
}
