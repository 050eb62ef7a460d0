/// Wakes one waiting task. Rings that nobody waits for count as one; waiting ends with nil when the task is cancelled.
struct Bell: AsyncSequence, Sendable {
  private let rings: AsyncStream<Void>
  private let source: AsyncStream<Void>.Continuation

  init() { (rings, source) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

  func ring() { source.yield() }

  func makeAsyncIterator() -> AsyncStream<Void>.Iterator { rings.makeAsyncIterator() }
}
