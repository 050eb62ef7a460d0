import AtelierEngine
import AtelierTesting
import Testing

struct RadixTreeTests {
  /// The same thing kept naively: each sequence a list of cells, each cell a token.
  private struct Naive {
    var cells: [Int32] = []
    var paths: [Int: [Int]] = [:]
    /// The cells before each mark.
    var marks: [UInt64: [Int]] = [:]

    func tokens(_ sequence: Int) -> [Int32] { paths[sequence, default: []].map { cells[$0] } }
    var used: Int { Set(paths.values.joined()).count }
    func holds(_ mark: [Int]) -> Bool { paths.values.contains { $0.starts(with: mark) } }
    func used(by sequences: Set<Int>) -> Int { Set(sequences.flatMap { paths[$0, default: []] }).count }
  }

  @Test(arguments: 0..<20)
  func holdsWhatANaiveModelHolds(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let numbers = 8
    var tree = RadixTree(maxSequences: numbers)
    var naive = Naive()
    var pinned: Set<Int> = []
    var lastMark: UInt64 = 0
    for _ in 0..<400 {
      let sequence = Int.random(in: 0..<numbers, using: &random)
      if naive.paths[sequence] == nil {
        let source = naive.paths.keys.sorted().randomElement(using: &random)
        let length = source.map { naive.paths[$0, default: []].count } ?? 0
        let count = Int.random(in: 0...length, using: &random)
        let place = source.map { tree.place(of: $0, count: count) } ?? tree.longestPrefix(of: [], limit: 0)
        tree.insert(sequence, at: place)
        naive.paths[sequence] = source.map { Array(naive.paths[$0, default: []].prefix(count)) } ?? []
        pinned.insert(sequence)
      } else {
        switch Int.random(in: 0..<10, using: &random) {
        case 0:
          tree.remove(sequence)
          naive.paths[sequence] = nil
          pinned.remove(sequence)
        case 1, 2:
          let count = Int.random(in: 0...naive.paths[sequence, default: []].count, using: &random)
          tree.trim(sequence, to: count)
          naive.paths[sequence] = Array(naive.paths[sequence, default: []].prefix(count))
        case 3 where !naive.paths[sequence, default: []].isEmpty:
          lastMark += 1
          tree.mark(sequence, id: lastMark)
          naive.marks[lastMark] = naive.paths[sequence]
        case 4:
          let value = Bool.random(using: &random)
          tree.setPinned(sequence, value)
          if value { pinned.insert(sequence) } else { pinned.remove(sequence) }
        default:
          let new = (0..<Int.random(in: 1...4, using: &random)).map { _ in Int32.random(in: 0..<2, using: &random) }
          if new.count == 1 {
            tree.append(new[0], to: sequence)
          } else {
            tree.append(contentsOf: new[...], to: sequence)
          }
          for token in new {
            naive.paths[sequence]?.append(naive.cells.count)
            naive.cells.append(token)
          }
        }
      }
      let lost = naive.marks.filter { !naive.holds($0.value) }.keys.sorted()
      #expect(tree.takeLostMarks().sorted() == lost)
      for id in lost { naive.marks[id] = nil }
      if let id = naive.marks.keys.sorted().randomElement(using: &random), Int.random(in: 0..<8, using: &random) == 0 {
        tree.removeMark(id)
        naive.marks[id] = nil
      }
      #expect(tree.cells == naive.used)
      #expect(tree.pinnedCells == naive.used(by: pinned))
      for (sequence, path) in naive.paths {
        #expect(tree.tokens(of: sequence) == naive.tokens(sequence))
        #expect(tree.length(of: sequence) == path.count)
        let others = Set(naive.paths.filter { $0.key != sequence }.values.joined())
        #expect(tree.exclusiveCells(of: sequence) == path.count { !others.contains($0) })
      }
      for (sequence, path) in naive.paths {
        let depth = Int.random(in: 0...path.count, using: &random)
        let on = naive.marks.values.filter { $0.count <= depth && path.starts(with: $0) }
        #expect(tree.lastMark(of: sequence, upTo: depth)?.depth == on.map(\.count).max())
      }
      let wanted = (0..<12).map { _ in Int32.random(in: 0..<2, using: &random) }
      let place = tree.longestPrefix(of: wanted, limit: 10)
      let best = naive.paths.keys.map { key in zip(naive.tokens(key), wanted.prefix(10)).prefix { $0 == $1 }.count }
        .max()
      #expect(place.depth == best ?? 0)
      let fitting = naive.marks.values.map { $0.map { naive.cells[$0] } }.filter { wanted.prefix(10).starts(with: $0) }
      let marked = tree.deepestMark(of: wanted, limit: 10)
      #expect(marked?.mark.depth == fitting.map(\.count).max())
      if let marked {
        #expect(marked.place.depth == marked.mark.depth)
        #expect(tree.holder(of: marked.place).map { naive.paths[$0, default: []] }?.count ?? 0 >= marked.mark.depth)
      }
      if let holder = tree.holder(of: place) {
        #expect(Array(tree.tokens(of: holder).prefix(place.depth)) == Array(wanted.prefix(place.depth)))
      } else {
        #expect(place.depth == 0)
      }
    }
    for sequence in naive.paths.keys { tree.remove(sequence) }
    #expect(tree.takeLostMarks().sorted() == naive.marks.keys.sorted())
    #expect(tree.cells == 0)
    #expect(tree.pinnedCells == 0)
  }

  @Test func countsUnpinnedCellsOnTheWay() {
    var tree = RadixTree(maxSequences: 3)
    tree.insert(0, at: tree.longestPrefix(of: [], limit: 0))
    tree.append(contentsOf: [1, 2, 3, 4, 5], to: 0)
    tree.setPinned(0, false)
    #expect(tree.unpinnedCells(to: tree.place(of: 0, count: 4)) == 4)
    tree.insert(1, at: tree.place(of: 0, count: 2))
    #expect(tree.unpinnedCells(to: tree.place(of: 0, count: 4)) == 2)
    #expect(tree.pinnedCells == 2)
  }
}
