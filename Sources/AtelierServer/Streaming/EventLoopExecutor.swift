import NIOCore

/// Runs tasks on a connection's event loop. A token passes through several tasks on its way to the socket; on the loop
/// that will write it, one wake-up carries it all the way, where the shared pool would wake a thread for each.
/// For short steps only: what blocks here blocks every connection of the loop.
final class EventLoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
