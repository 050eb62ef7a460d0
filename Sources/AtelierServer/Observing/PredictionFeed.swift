import AtelierCore
import Synchronization

/// Hands what is predicted to whoever watches. Nothing is kept: without a watcher nothing is even written down.
final class PredictionFeed: Sendable {
  enum Item: Sendable {
    case event(JSONValue)
    /// Nothing happened for a while.
    case silence
  }

  private struct State {
    var watchers: [UInt64: AsyncStream<Item>.Continuation] = [:]
    var next: UInt64 = 0
  }

  private static let mostWatchers = 8
  /// Events that wait for a slow watcher; older ones are dropped.
  private static let mostPending = 64

  private let state = Mutex(State())

  var isWatched: Bool { state.withLock { !$0.watchers.isEmpty } }

  /// Everything from now on, until the iteration ends or the continuation is finished. Throws `serverBusy`.
  func watch() throws(AtelierError) -> (AsyncStream<Item>, AsyncStream<Item>.Continuation) {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Item.self, bufferingPolicy: .bufferingNewest(Self.mostPending))
    let id = state.withLock { state -> UInt64? in
      guard state.watchers.count < Self.mostWatchers else { return nil }
      state.next += 1
      state.watchers[state.next] = continuation
      return state.next
    }
    guard let id else { throw AtelierError(.serverBusy, "Too many watch the log already.", retryAfter: 30) }
    continuation.onTermination = { [weak self] _ in self?.state.withLock { _ = $0.watchers.removeValue(forKey: id) } }
    return (stream, continuation)
  }

  func publish(_ event: JSONValue) {
    let watchers = state.withLock { Array($0.watchers.values) }
    for watcher in watchers { watcher.yield(.event(event)) }
  }
}
