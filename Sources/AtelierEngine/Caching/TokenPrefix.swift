enum TokenPrefix {
  /// How many tokens `first` from `firstStart` on and `second` from `secondStart` on have in common, at most `limit`.
  static func common(_ first: [Int32], _ firstStart: Int, _ second: [Int32], _ secondStart: Int, limit: Int) -> Int {
    first.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer { second in
        let end = min(limit, first.count - firstStart, second.count - secondStart)
        var index = 0
        while index < end && first[firstStart + index] == second[secondStart + index] { index += 1 }
        return index
      }
    }
  }
}
