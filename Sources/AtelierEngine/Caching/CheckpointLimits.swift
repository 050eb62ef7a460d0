/// How many checkpoints of a memory that cannot be cut are kept, and where they are made.
package struct CheckpointLimits: Sendable, Hashable {
  /// Checkpoints at the same time at most; 0: none, so that only whole sequences are continued.
  package var count: Int
  /// Bytes of all checkpoints together at most.
  package var bytes: Int
  /// Tokens between two checkpoints of a long text at least.
  package var spacing: Int
  /// A checkpoint is made only where it spares at least that many tokens. Each costs a copy of the state, and one inside
  /// a prompt a step of its own.
  package var worth: Int
  /// The last checkpoint of a prompt lies that many tokens before its end: far enough that the prompt can be asked again
  /// and that the next turn may end the template's opening of the answer differently.
  package var tail: Int

  package init(count: Int = 128, bytes: Int, spacing: Int = 512, worth: Int = 32, tail: Int = 8) {
    self.count = max(0, count)
    self.bytes = max(0, bytes)
    self.worth = max(1, worth)
    self.spacing = max(self.worth, spacing)
    self.tail = max(1, tail)
  }

  /// A long prompt gets that many checkpoints at regular distances at most.
  static let regular = 8

  /// Where the state is saved on the way through `count` tokens, of which `start` are in memory: ascending, above `start`
  /// and below `count`. `common`: how many of the tokens another sequence holds too.
  package func stops(start: Int, count: Int, common: Int) -> [Int] {
    var stops: [Int] = []
    // The last common point comes first: what two prompts share, a third one will share as well.
    for stop in [common, count - tail] where stop - start >= worth && stop < count {
      if stops.allSatisfy({ abs($0 - stop) >= worth }) { stops.append(stop) }
    }
    let distance = max(spacing, (count / Self.regular + 255) / 256 * 256)
    for stop in stride(from: (start / distance + 1) * distance, to: count, by: distance)
    where stop - start >= worth && stops.allSatisfy({ abs($0 - stop) >= spacing / 2 }) {
      stops.append(stop)
    }
    return stops.sorted()
  }
}
