import AtelierEngine
import Dispatch
import Foundation

/// A lane with a thread of its own, beside the engine's. `begin` and `finish` take turns.
///
/// `@unchecked Sendable`: `work` and `result` are written by one thread before it signals and read by the other after it
/// has waited for that signal; the lane is only touched by the thread.
final class LaneThread: @unchecked Sendable {
  private let lane: LlamaPoolingLane
  private let ready = DispatchSemaphore(value: 0)
  private let done = DispatchSemaphore(value: 0)
  private var work: (inputs: [[Int32]], threads: Int)?
  private var result: Result<[[Float]], RunnerError> = .success([])

  init(_ lane: LlamaPoolingLane) {
    self.lane = lane
    let thread = Thread { [self] in run() }
    thread.name = "lane"
    thread.stackSize = 8 << 20
    thread.start()
  }

  func begin(_ inputs: [[Int32]], threads: Int) {
    work = (inputs, threads)
    ready.signal()
  }

  /// Waits for the end of what was begun: as long as the engine computes, which nothing can end sooner.
  func finish() -> Result<[[Float]], RunnerError> {
    done.wait()
    return result
  }

  /// Ends the thread, and with it the lane. Not between `begin` and `finish`.
  func stop() {
    work = nil
    ready.signal()
  }

  private func run() {
    while true {
      ready.wait()
      guard let work else { return }
      result = lane.compute(work.inputs, threads: work.threads)
      done.signal()
    }
  }
}
