/// How busy a worker's engine is, and how far.
package struct WorkerState: Sendable, Hashable {
  /// Requests computed now and waiting.
  package var running: Int
  package var waiting: Int
  /// Engine steps since start.
  package var steps: UInt64

  package init(running: Int, waiting: Int, steps: UInt64) {
    self.running = running
    self.waiting = waiting
    self.steps = steps
  }
}
