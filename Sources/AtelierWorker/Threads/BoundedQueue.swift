import Foundation

/// A queue between threads with a bound on elements and on their cost.
///
/// `@unchecked Sendable`: every access to the mutable state happens with `condition` locked.
final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private let capacity: Int
  private let maxCost: Int
  private var elements: [(element: Element, cost: Int)] = []
  /// Elements before this index are taken already.
  private var head = 0
  private var cost = 0
  private var closed = false

  /// `maxCost`: sum of the elements' costs at most, in units of the caller's choice. A single element of any cost is
  /// accepted by an empty queue.
  init(capacity: Int, maxCost: Int = .max) {
    self.capacity = capacity
    self.maxCost = maxCost
  }

  var isClosed: Bool {
    condition.lock()
    defer { condition.unlock() }
    return closed
  }

  /// False when the queue is full or closed.
  func offer(_ element: Element, cost: Int = 1) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    guard !closed, hasRoom(for: cost) else { return false }
    append(element, cost)
    return true
  }

  /// Waits for room, at most until `deadline`. False when there was none in time or the queue is closed.
  func put(_ element: Element, cost: Int = 1, before deadline: Date) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    while !closed, !hasRoom(for: cost) {
      guard condition.wait(until: deadline) else { return false }
    }
    guard !closed else { return false }
    append(element, cost)
    return true
  }

  /// Waits for an element; nil when the queue is closed and empty.
  func take() -> Element? {
    condition.lock()
    defer { condition.unlock() }
    while head == elements.count {
      if closed { return nil }
      condition.wait()
    }
    let taken = elements[head]
    head += 1
    cost -= taken.cost
    if head == elements.count {
      elements.removeAll(keepingCapacity: true)
      head = 0
    } else if head > capacity {
      elements.removeFirst(head)
      head = 0
    }
    condition.broadcast()
    return taken.element
  }

  /// Nothing more comes in; what is there can still be taken.
  func close() {
    condition.lock()
    defer { condition.unlock() }
    closed = true
    condition.broadcast()
  }

  private func hasRoom(for cost: Int) -> Bool {
    let count = elements.count - head
    return count == 0 || (count < capacity && self.cost + cost <= maxCost)
  }

  private func append(_ element: Element, _ cost: Int) {
    elements.append((element, cost))
    self.cost += cost
    condition.broadcast()
  }
}
