import Foundation

/// Threads of the worker: all work here is blocking, so none of it belongs on the shared pool.
enum WorkerThread {
  /// Templates and parsers of llama.cpp recurse; the platform's default for secondary threads is not theirs to rely on.
  private static let stackSize = 8 << 20

  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread(block: body)
    thread.name = name
    thread.stackSize = stackSize
    thread.start()
  }
}
