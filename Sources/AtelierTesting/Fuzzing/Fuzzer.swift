import Foundation

/// Feeds a reader with damaged documents for a fixed time. It looks at nothing inside the reader: the seeds, which are
/// files beside the test, say what the interesting documents are.
///
/// `ATELIER_FUZZ_SECONDS` is the time of each fuzzer (default 1), `ATELIER_FUZZ_SEED` where the randomness starts. A
/// document that shows a fault belongs into the corpus afterwards.
package struct Fuzzer: Sendable {
  package let seeds: [[UInt8]]
  /// Pieces of the format, to be put in anywhere.
  package let words: [[UInt8]]
  private let budget: Duration
  private let start: UInt64

  private static let longestDocument = 1 << 20

  /// `corpus`: the folder `Corpus/<name>` beside the test's file.
  package init(corpus: String, words: [String] = [], file: String = #filePath) throws {
    let folder = URL(filePath: file).deletingLastPathComponent().appending(path: "Corpus/\(corpus)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    seeds = try names.map { Array(try Data(contentsOf: folder.appending(path: $0))) }
    self.words = words.map { Array($0.utf8) }
    let environment = ProcessInfo.processInfo.environment
    budget = .seconds(environment["ATELIER_FUZZ_SECONDS"].flatMap(Double.init) ?? 1)
    start = environment["ATELIER_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
  }

  /// Calls `read` with every seed as it is, then with damaged ones until the time is over. Returns how often it was
  /// called.
  @discardableResult
  package func run(_ read: ([UInt8], inout SeededGenerator) throws -> Void) rethrows -> Int {
    var random = SeededGenerator(seed: start)
    for seed in seeds { try read(seed, &random) }
    var count = seeds.count
    let end = ContinuousClock.now + budget
    while ContinuousClock.now < end {
      // The clock costs more than a short document.
      for _ in 0..<16 {
        var document = seeds.randomElement(using: &random) ?? []
        damage(&document, using: &random)
        try read(document, &random)
        count += 1
      }
    }
    return count
  }

  private func damage(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      let length = min(Int.random(in: 1...16, using: &random), bytes.count - place)
      let range = place..<place + length
      switch Int.random(in: 0..<9, using: &random) {
      case 0 where length > 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1 where length > 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes.removeSubrange(range)
      case 3: bytes.insert(contentsOf: bytes[range], at: place)
      case 4: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [0], at: place)
      case 5: bytes.removeSubrange(place...)
      case 6:
        let other = seeds.randomElement(using: &random) ?? []
        let from = Int.random(in: 0...other.count, using: &random)
        bytes.replaceSubrange(place..., with: other[from...])
      case 7:
        // A number that no field expects.
        let extremes: [UInt64] = [0, 1, 0x7F, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 62, .max >> 1, .max]
        let value = extremes.randomElement(using: &random) ?? 0
        for (offset, index) in range.prefix(8).enumerated() {
          bytes[index] = UInt8(truncatingIfNeeded: value >> (8 * offset))
        }
      default:
        let repeated = Array(bytes[range])
        for _ in 0..<Int.random(in: 1...200, using: &random) { bytes.insert(contentsOf: repeated, at: place) }
      }
      if bytes.count > Self.longestDocument { bytes.removeSubrange(Self.longestDocument...) }
    }
  }
}
