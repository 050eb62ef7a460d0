/// The rows of one engine step. Reused from step to step, so that steady state allocates nothing.
package struct Batch: Sendable {
  package private(set) var tokens: [Int32] = []
  package private(set) var positions: [Int32] = []
  package private(set) var sequences: [Int32] = []
  /// 1 where the row's logits are wanted.
  package private(set) var wantsLogits: [Int8] = []
  /// How many rows, the first ones, continue a generation; the rest are prompts.
  package var decodeRows = 0

  package init(capacity: Int) {
    tokens.reserveCapacity(capacity)
    positions.reserveCapacity(capacity)
    sequences.reserveCapacity(capacity)
    wantsLogits.reserveCapacity(capacity)
  }

  package var count: Int { tokens.count }
  package var isEmpty: Bool { tokens.isEmpty }

  package mutating func removeAll() {
    tokens.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    sequences.removeAll(keepingCapacity: true)
    wantsLogits.removeAll(keepingCapacity: true)
    decodeRows = 0
  }

  /// Returns the row's index.
  @discardableResult
  package mutating func append(token: Int32, position: Int, sequence: Int, logits: Bool) -> Int {
    tokens.append(token)
    positions.append(Int32(position))
    sequences.append(Int32(sequence))
    wantsLogits.append(logits ? 1 : 0)
    return tokens.count - 1
  }
}
