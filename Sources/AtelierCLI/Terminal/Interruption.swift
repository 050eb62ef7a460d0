import Dispatch
import Foundation

/// Ctrl-C as a value instead of the end of the process.
enum Interruption {
  /// The work's result; nil when Ctrl-C was pressed, which cancels the work.
  static func watch<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value? {
    let previous = signal(SIGINT, SIG_IGN)
    defer { signal(SIGINT, previous) }
    let (presses, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
    source.setEventHandler { continuation.yield() }
    source.resume()
    defer { source.cancel() }
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await work() }
      group.addTask {
        for await _ in presses { return nil }
        throw CancellationError()
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
  }
}
