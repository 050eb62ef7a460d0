import Foundation

/// Runs an actor's jobs one after the other on a thread of its own, for work that blocks for long.
///
/// The thread holds the executor strongly until `stop()`: an actor's last release may happen on that very thread.
/// `@unchecked Sendable`: `entries`, `next` and `stopped` are only touched under `condition`.
package final class ThreadExecutor: SerialExecutor, @unchecked Sendable {
  private enum Entry {
    case job(UnownedJob)
    case resume(UnsafeContinuation<Void, Never>)
  }

  private let condition = NSCondition()
  private var entries: [Entry] = []
  /// Those before it have run.
  private var next = 0
  private var stopped = false

  package init(name: String) {
    let thread = Thread { [self] in run() }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
  }

  package func enqueue(_ job: consuming ExecutorJob) { append(.job(UnownedJob(job))) }

  /// Whether others wait for the thread.
  package var hasJobs: Bool {
    condition.lock()
    defer { condition.unlock() }
    return next < entries.count
  }

  /// Resumes after the jobs that wait now. (`Task.yield` goes by way of another thread, which costs more than what a step
  /// does besides computing.)
  package func resumeLater(_ continuation: UnsafeContinuation<Void, Never>) { append(.resume(continuation)) }

  /// Ends the thread after the jobs it has. To be called when no further job can come: from the actor's `deinit`.
  package func stop() {
    condition.lock()
    stopped = true
    condition.signal()
    condition.unlock()
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  private func append(_ entry: Entry) {
    condition.lock()
    entries.append(entry)
    condition.signal()
    condition.unlock()
  }

  private func run() {
    while let entry = take() {
      switch entry {
      case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
      case .resume(let continuation): continuation.resume()
      }
    }
  }

  /// Waits for the next one; nil when it is time to end.
  private func take() -> Entry? {
    condition.lock()
    defer { condition.unlock() }
    if next == entries.count || next > 64 {
      entries.removeFirst(next)
      next = 0
    }
    while entries.isEmpty && !stopped { condition.wait() }
    guard !entries.isEmpty else { return nil }
    next += 1
    return entries[next - 1]
  }
}
