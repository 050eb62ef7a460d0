import AtelierCore
import Synchronization

/// What a running job reports while the manager does other things.
final class DownloadMeter: Sendable {
  private struct State {
    var rate = TransferRate()
    /// Bytes of finished files.
    var done: Int64 = 0
    /// Bytes of the file in transfer.
    var current: Int64 = 0
    /// The largest sum shown: what a client sees never decreases within a run.
    var shown: Int64
  }

  private let state: Mutex<State>
  private let start = ContinuousClock.now

  init(shown: Int64) {
    state = Mutex(State(shown: shown))
    state.withLock { $0.rate.begin(at: 0) }
  }

  private var now: Double { start.duration(to: .now).inSeconds }

  func setCurrent(_ bytes: Int64) { update { $0.current = bytes } }

  func took(_ bytes: Int) {
    let now = now
    update {
      $0.current += Int64(bytes)
      $0.rate.add(Int64(bytes), at: now)
    }
  }

  func finishedFile(_ size: Int64) {
    update {
      $0.done += size
      $0.current = 0
    }
  }

  private func update(_ change: (inout State) -> Void) {
    state.withLock {
      change(&$0)
      $0.shown = max($0.shown, $0.done + $0.current)
    }
  }

  /// Bytes that are really there.
  var onDisk: Int64 { state.withLock { $0.done + $0.current } }

  func reading(total: Int64) -> (bytes: Int64, rate: Double, secondsLeft: Double?) {
    let now = now
    return state.withLock { state in
      (
        min(state.shown, total), state.rate.bytesPerSecond(at: now),
        state.rate.secondsLeft(for: total - state.done - state.current, at: now)
      )
    }
  }
}
