import Foundation
import Testing

@testable import AtelierWorker

struct BoundedQueueTests {
  @Test func keepsOrderAndBound() {
    let queue = BoundedQueue<Int>(capacity: 3)
    for number in 1...3 { #expect(queue.offer(number)) }
    #expect(!queue.offer(4))
    #expect(queue.take() == 1)
    #expect(queue.offer(5))
    #expect([queue.take(), queue.take(), queue.take()] == [2, 3, 5])
  }

  @Test func costIsBounded() {
    let queue = BoundedQueue<Int>(capacity: 10, maxCost: 5)
    #expect(queue.offer(1, cost: 100), "an empty queue takes anything")
    #expect(!queue.offer(2, cost: 1))
    #expect(queue.take() == 1)
    #expect(queue.offer(3, cost: 3) && queue.offer(4, cost: 2))
    #expect(!queue.offer(5, cost: 1))
  }

  @Test func aFullQueueWaitsForRoomUntilItsDeadline() {
    let queue = BoundedQueue<Int>(capacity: 1)
    #expect(queue.offer(1))
    #expect(!queue.put(2, before: Date(timeIntervalSinceNow: 0.01)))
    let thread = Thread { _ = queue.take() }
    thread.start()
    #expect(queue.put(3, before: Date(timeIntervalSinceNow: 20)))
    #expect(queue.take() == 3)
  }

  @Test func closingLetsTheRestBeTaken() {
    let queue = BoundedQueue<Int>(capacity: 2)
    #expect(queue.offer(1))
    queue.close()
    #expect(!queue.offer(2) && !queue.put(2, before: .distantFuture))
    #expect(queue.take() == 1)
    #expect(queue.take() == nil)
  }
}
