/// A few threads that run jobs in the order given.
final class ThreadPool: Sendable {
  typealias Job = @Sendable () -> Void

  private let jobs: BoundedQueue<Job>

  /// At most `capacity` jobs wait, and jobs of `maxCost` together.
  init(name: String, threads: Int, capacity: Int, maxCost: Int = .max) {
    let jobs = BoundedQueue<Job>(capacity: capacity, maxCost: maxCost)
    self.jobs = jobs
    for _ in 0..<threads {
      WorkerThread.start(name) {
        while let job = jobs.take() { job() }
      }
    }
  }

  deinit { jobs.close() }

  /// False when too much waits already or the pool is closed.
  func run(cost: Int = 1, _ job: @escaping Job) -> Bool { jobs.offer(job, cost: cost) }

  /// Jobs under way and waiting still run; the threads end after them.
  func close() { jobs.close() }
}
