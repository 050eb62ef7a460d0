import Testing

@testable import AtelierLlama

struct TileOrderTests {
  /// Inputs that lie across a border of tiles though one tile could hold them.
  private func cut(_ lengths: [Int], _ order: [Int], tile: Int) -> Int {
    var row = 0
    var cut = 0
    for place in order {
      let end = row + lengths[place]
      if lengths[place] <= tile, row / tile != (end - 1) / tile { cut += 1 }
      row = end
    }
    return cut
  }

  @Test(arguments: 0..<20)
  func everyInputHasOnePlaceAndFewAreCut(seed: UInt64) {
    var random = Shuffle(state: seed)
    let lengths = (0..<12).map { _ in Int.random(in: 11...28, using: &random) }
    let order = TileOrder(tile: 64).places(of: lengths)
    #expect(order.sorted() == Array(lengths.indices))
    // The first tiles are full to the last row nearly always; only where the choice runs out is something cut.
    #expect(cut(lengths, order, tile: 64) <= 2)
  }

  @Test func fillsTilesExactlyWhereItCan() {
    let lengths = [30, 20, 34, 44]
    let order = TileOrder(tile: 64).places(of: lengths)
    #expect(cut(lengths, order, tile: 64) == 0)
    #expect(cut(lengths, Array(lengths.indices), tile: 64) == 1)
  }

  @Test func longAndSingleInputs() {
    #expect(TileOrder(tile: 64).places(of: []) == [])
    #expect(TileOrder(tile: 64).places(of: [200]) == [0])
    #expect(TileOrder(tile: 64).places(of: [100, 64, 300]).sorted() == [0, 1, 2])
    #expect(TileOrder(tile: 64).places(of: Array(repeating: 1, count: 64)).count == 64)
    #expect(TileOrder(tile: 0).places(of: [3, 2]).count == 2)
  }
}

/// The same numbers each time.
private struct Shuffle: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 29)
  }
}
