import Dispatch
import Testing

@testable import AtelierEgress

struct SystemResolverTests {
  @Test func addressesComeBack() async throws {
    let address = try #require(IPAddress("192.0.2.1"))
    #expect(await SystemResolver { _ in [address] }.addresses(of: "a.example") == [address])
  }

  /// As a system's resolver is whose name server does not answer.
  @Test func lookUpsThatHangAreLeftAloneAndAreFew() async throws {
    let gate = DispatchSemaphore(value: 0)
    let resolver = SystemResolver { _ in
      gate.wait()
      return []
    }
    let waiting = (0..<SystemResolver.mostAtOnce).map { number in
      Task { await resolver.addresses(of: "\(number).example") }
    }
    while resolver.underWay < SystemResolver.mostAtOnce { await Task.yield() }
    let another = Task { await resolver.addresses(of: "another.example") }
    another.cancel()
    #expect(await another.value == [])
    for task in waiting {
      task.cancel()
      #expect(await task.value == [])
    }
    // Nobody waits any more, but the threads are still the system's.
    #expect(resolver.underWay == SystemResolver.mostAtOnce)
    for _ in 0..<resolver.underWay { gate.signal() }
    // Between looks at threads that nothing tells the end of.
    while resolver.underWay > 0 { try await Task.sleep(for: .milliseconds(1)) }
  }
}
