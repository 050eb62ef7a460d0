import AtelierTesting

enum TokenText {
  /// Tokens 1..<vocabulary, decided by the seed.
  static func random(_ count: Int, seed: UInt64, vocabulary: Int32 = 32) -> [Int32] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Int32.random(in: 1..<vocabulary, using: &generator) }
  }
}
