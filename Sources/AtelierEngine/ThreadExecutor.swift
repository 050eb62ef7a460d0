import Foundation

/// Runs an actor's jobs one after the other on a thread of its own, for work that blocks for long.
///
/// The thread holds the executor strongly until `stop()`: an actor's last release may happen on that very thread.
/// `@unchecked Sendable`: `jobs` and `stopped` are only touched under `condition`.
package final class ThreadExecutor: SerialExecutor, @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [UnownedJob] = []
  private var stopped = false

  package init(name: String) {
    let thread = Thread { [self] in run() }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    condition.lock()
    jobs.append(job)
    condition.signal()
    condition.unlock()
  }

  /// Ends the thread after the jobs it has. To be called when no further job can come: from the actor's `deinit`.
  package func stop() {
    condition.lock()
    stopped = true
    condition.signal()
    condition.unlock()
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  private func run() {
    var batch: [UnownedJob] = []
    while true {
      condition.lock()
      while jobs.isEmpty && !stopped { condition.wait() }
      swap(&jobs, &batch)
      condition.unlock()
      if batch.isEmpty { return }
      for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
      batch.removeAll(keepingCapacity: true)
    }
  }
}
