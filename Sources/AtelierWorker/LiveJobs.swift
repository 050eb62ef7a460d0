import Synchronization

/// Commands that are being worked on before, or outside of, the engine, and whether they were cancelled meanwhile: a cancel
/// may overtake its prediction on the way through the threads.
final class LiveJobs: Sendable {
  private let cancelled = Mutex<[UInt64: Bool]>([:])

  func begin(_ id: UInt64) { cancelled.withLock { $0[id] = false } }

  func isCancelled(_ id: UInt64) -> Bool { cancelled.withLock { $0[id] == true } }

  /// False if no such job is live.
  func cancel(_ id: UInt64) -> Bool {
    cancelled.withLock { jobs in
      guard jobs[id] != nil else { return false }
      jobs[id] = true
      return true
    }
  }

  /// Returns whether the job was cancelled.
  @discardableResult
  func end(_ id: UInt64) -> Bool { cancelled.withLock { $0.removeValue(forKey: id) } ?? false }
}
