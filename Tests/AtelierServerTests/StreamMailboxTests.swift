import AtelierAPI
import AtelierCore
import Synchronization
import Testing

@testable import AtelierServer

struct StreamMailboxTests {
  /// Every delta is its own text.
  private struct Plain: StreamEncoder {
    mutating func encode(_ event: GenerationEvent, choice: Int) -> [ServerSentEvent] {
      if case .messageDelta(let text, _) = event { [.comment(text)] } else { [] }
    }

    mutating func keepAlive() -> ServerSentEvent? { nil }
  }

  /// Frames of 100 bytes, as many as are taken.
  private final class Source: Sendable {
    private let count = Mutex(0)

    var taken: Int { count.withLock { $0 } }

    var events: AsyncStream<GenerationEvent> {
      AsyncStream {
        self.count.withLock { $0 += 1 }
        return .messageDelta(String(repeating: "x", count: 96), [])
      }
    }
  }

  /// What a slow client has not taken stays where it is made.
  @Test(arguments: [1, 3])
  func aProducerWaitsForItsReader(choices: Int) async {
    let mailbox = StreamMailbox(
      Plain(), choices: choices, timer: StreamTimer(keepAlive: .seconds(60), now: .now), capacity: 1000)
    let sources = (0..<choices).map { _ in Source() }
    let producers = sources.enumerated().map { choice, source in
      Task { await mailbox.pass(source.events, choice: choice) }
    }
    func taken() -> Int { sources.map(\.taken).reduce(0, +) }
    for round in 1...3 {
      // Ten frames fit, and each choice may bring one too many.
      while taken() < round * 11 { await Task.yield() }
      for _ in 0..<100 { await Task.yield() }
      let bytes = await mailbox.next()?.count ?? 0
      #expect(bytes > 1000 && bytes <= 1000 + choices * 100)
      // They fill it again at once.
      #expect(taken() <= (round + 1) * (10 + choices))
    }
    for producer in producers { producer.cancel() }
    for producer in producers { await producer.value }
  }
}
