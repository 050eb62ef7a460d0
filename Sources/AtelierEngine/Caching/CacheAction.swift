/// What the runner has to do so that it holds what the `PrefixCache` says. Carried out in order, before the step's rows.
package enum CacheAction: Sendable, Hashable {
  case forget(sequence: Int)
  case trim(sequence: Int, from: Int)
  case copy(source: Int, target: Int, count: Int)
  /// Only with `PrefixReuse.checkpoints`, as the following.
  case save(checkpoint: UInt64, sequence: Int)
  case restore(checkpoint: UInt64, sequence: Int)
  case discard(checkpoint: UInt64)
  /// Only where there are `ParkingLimits`, as the following. Keeps the sequence's positions `from...` in host memory.
  case park(segment: UInt64, sequence: Int, from: Int)
  /// Puts these positions, all of them kept, behind those that the sequence holds.
  case unpark(segment: UInt64, sequence: Int, positions: Range<Int>)
  case release(segment: UInt64)
}
