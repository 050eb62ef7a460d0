/// Deterministic numbers for property tests (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// Cuts the elements into pieces of random length, empty ones included.
  mutating func chunks<Element>(of elements: [Element]) -> [[Element]] {
    var pieces: [[Element]] = []
    var start = 0
    while start < elements.count {
      let end = min(elements.count, start + Int.random(in: 0...6, using: &self))
      pieces.append(Array(elements[start..<end]))
      start = end
    }
    return pieces
  }

  /// Pieces that end at scalar boundaries, as the detokenizer makes them.
  mutating func chunks(of text: String) -> [String] {
    chunks(of: Array(text.unicodeScalars)).map { piece in
      var view = String.UnicodeScalarView()
      view.append(contentsOf: piece)
      return String(view)
    }
  }
}
