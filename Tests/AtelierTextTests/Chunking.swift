import AtelierTesting

extension SeededGenerator {
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
