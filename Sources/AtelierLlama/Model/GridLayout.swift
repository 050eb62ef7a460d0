/// Where the tokens of one sequence stand for a model in which a picture takes fewer positions than it has rows (M-RoPE).
struct GridLayout: Sendable, Hashable {
  private struct Picture: Sendable, Hashable {
    var start: Int
    var rows: Int
    var positions: Int

    var end: Int { start + rows }
  }

  /// In order.
  private var pictures: [Picture] = []

  /// The position of the token at `index`, counted in tokens; of the first row of a picture that begins there. nil among a
  /// picture's further rows.
  func position(of index: Int) -> Int? {
    var position = index
    for picture in pictures where picture.start < index {
      guard picture.end <= index else { return nil }
      position -= picture.rows - picture.positions
    }
    return position
  }

  /// A picture whose rows begin at `start`, behind all others.
  mutating func add(start: Int, rows: Int, positions: Int) {
    guard pictures.last?.start != start else { return }
    pictures.append(Picture(start: start, rows: rows, positions: positions))
  }

  /// Forgets what begins at or behind `index`.
  mutating func cut(at index: Int) { pictures.removeAll { $0.start >= index } }

  /// The layout of the first `count` tokens.
  func prefix(_ count: Int) -> GridLayout {
    var copy = self
    copy.cut(at: count)
    return copy
  }
}
