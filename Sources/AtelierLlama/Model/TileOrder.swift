/// The order in which inputs of a batch are laid out, so that few of them lie across the border of two tiles.
///
/// Which input comes first means nothing to the vectors. llama.cpp's attention goes by tiles of rows and leaves out the
/// pairs of tiles that have no input in common: with no input across a border, only a tile with itself remains. (Measured
/// with all-MiniLM-L6-v2 and batches of 256 rows: 7 % less time in all.)
struct TileOrder: Sendable {
  /// Rows.
  let tile: Int

  init(tile: Int) { self.tile = max(1, tile) }

  /// The inputs' places, in the order to lay them out. `lengths` are positive.
  func places(of lengths: [Int]) -> [Int] {
    var left = lengths.indices.sorted { (lengths[$0], $1) > (lengths[$1], $0) }
    var order: [Int] = []
    order.reserveCapacity(left.count)
    var row = 0
    while !left.isEmpty {
      let chosen = fullest(left, lengths, room: tile - row % tile)
      // Nothing fits what is left of the tile: the longest has to lie across a border anyway.
      for index in chosen.isEmpty ? [0] : chosen {
        order.append(left[index])
        row += lengths[left[index]]
      }
      for index in chosen.isEmpty ? [0] : chosen.reversed() { left.remove(at: index) }
    }
    return order
  }

  /// Indices into `left`, ascending, of inputs that together fill the room as far as possible.
  private func fullest(_ left: [Int], _ lengths: [Int], room: Int) -> [Int] {
    // For each sum that can be reached: the last input of one way there, and the sum before it.
    var ways: [(index: Int, before: Int)?] = Array(repeating: nil, count: room + 1)
    ways[0] = (-1, 0)
    for (index, place) in left.enumerated() {
      let length = lengths[place]
      guard length <= room else { continue }
      for sum in stride(from: room, through: length, by: -1) where ways[sum] == nil && ways[sum - length] != nil {
        ways[sum] = (index, sum - length)
      }
      if ways[room] != nil { break }
    }
    var chosen: [Int] = []
    var sum = ways.lastIndex { $0 != nil } ?? 0
    while sum > 0, let way = ways[sum] {
      chosen.append(way.index)
      sum = way.before
    }
    return chosen.reversed()
  }
}
