import AtelierAPI
import AtelierCore
import AtelierRuntime

/// The runtime with a window: requests and results go to the feed while somebody watches.
final class ObservedGeneration: GenerationForwarding {
  let base: any GenerationServing
  private let feed: PredictionFeed

  init(_ base: any GenerationServing, feed: PredictionFeed) {
    self.base = base
    self.feed = feed
  }

  func generate(_ request: GenerationRequest) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    guard feed.isWatched else { return try await base.generate(request) }
    feed.publish(PredictionLog.input(request, now: SystemClock.wallMilliseconds))
    let source = EventSource(try await base.generate(request))
    return AsyncStream { [feed] in
      let event = await source.next()
      if case .finished(let result)? = event {
        feed.publish(PredictionLog.output(result, now: SystemClock.wallMilliseconds))
      }
      return event
    }
  }
}

/// Passes events on in the reader's own task, so that leaving ends the generation as it does without a window.
///
/// Sendable because an answer is read by one task, one event after the other.
private final class EventSource: @unchecked Sendable {
  private var iterator: AsyncStream<GenerationEvent>.Iterator

  init(_ events: AsyncStream<GenerationEvent>) { iterator = events.makeAsyncIterator() }

  func next() async -> GenerationEvent? { await iterator.next() }
}
