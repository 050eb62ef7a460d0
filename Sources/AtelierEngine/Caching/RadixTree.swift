/// What a unified KV cache holds: one node is a run of cells, a path from the root is a sequence's tokens in order, and
/// sequences that share cells share nodes. So the tokens in all nodes are exactly the cells in use.
///
/// A sequence ends at the end of a node (its tail). Two children of a node may begin with the same token: sequences that
/// computed the same text apart from each other hold cells of their own. Apart from the root, a node without a tail has
/// at least two children, so the cells that only one sequence holds are one node.
package struct RadixTree: Sendable {
  struct Node: Sendable {
    var tokens: [Int32]
    var start: Int
    var parent: Int
    var children: [Int] = []
    var tails: [Int] = []
    /// Pinned sequences that pass through or end here.
    var pins = 0
    /// In order of depth: start < depth <= end.
    var marks: [Mark] = []

    var end: Int { start + tokens.count }
  }

  /// A place in the tree: `depth` tokens from the root, inside or at the end of `node`.
  package struct Place: Sendable, Hashable {
    var node: Int
    package var depth: Int

    static let root = Place(node: 0, depth: 0)
  }

  /// A name for the state after the first `depth` tokens of a way. It lasts as long as some sequence holds these tokens.
  package struct Mark: Sendable, Hashable {
    package var depth: Int
    package var id: UInt64
  }

  private(set) var nodes: [Node] = [Node(tokens: [], start: 0, parent: -1)]
  private var unused: [Int] = []
  private var tailNodes: [Int]
  private var pinned: [Bool]
  private var lostMarks: [UInt64] = []

  /// Cells in use.
  package private(set) var cells = 0
  /// Cells on the paths of pinned sequences.
  package private(set) var pinnedCells = 0

  package init(maxSequences: Int) {
    tailNodes = Array(repeating: -1, count: maxSequences)
    pinned = Array(repeating: false, count: maxSequences)
  }

  package func contains(_ sequence: Int) -> Bool { tailNodes[sequence] >= 0 }
  package func isPinned(_ sequence: Int) -> Bool { pinned[sequence] }
  package func length(of sequence: Int) -> Int { nodes[tailNodes[sequence]].end }

  /// Cells that would come free if the sequence were removed.
  package func exclusiveCells(of sequence: Int) -> Int {
    let node = nodes[tailNodes[sequence]]
    return node.tails.count == 1 && node.children.isEmpty ? node.tokens.count : 0
  }

  /// The sequence's tokens, from the root on.
  package func tokens(of sequence: Int) -> [Int32] {
    var runs: [Int] = []
    var node = tailNodes[sequence]
    while node > 0 {
      runs.append(node)
      node = nodes[node].parent
    }
    return runs.reversed().flatMap { nodes[$0].tokens }
  }

  /// Cells on the way to `place` that no pinned sequence holds.
  package func unpinnedCells(to place: Place) -> Int {
    var node = place.node
    var end = place.depth
    var count = 0
    while node > 0 {
      if nodes[node].pins == 0 { count += end - nodes[node].start }
      end = nodes[node].start
      node = nodes[node].parent
    }
    return count
  }

  /// Adds a sequence that shares the cells up to `place`; pinned.
  package mutating func insert(_ sequence: Int, at place: Place) {
    let node = boundary(at: place)
    tailNodes[sequence] = node
    nodes[node].tails.append(sequence)
    setPinned(sequence, true)
  }

  /// Pinned sequences keep their cells; the cells of others may be taken.
  package mutating func setPinned(_ sequence: Int, _ value: Bool) {
    guard pinned[sequence] != value else { return }
    pinned[sequence] = value
    addPins(value ? 1 : -1, from: tailNodes[sequence])
  }

  /// One more cell for the sequence.
  package mutating func append(_ token: Int32, to sequence: Int) {
    let node = growingNode(of: sequence)
    nodes[node].tokens.append(token)
    grew(node, by: 1)
  }

  package mutating func append(contentsOf tokens: ArraySlice<Int32>, to sequence: Int) {
    guard !tokens.isEmpty else { return }
    let node = growingNode(of: sequence)
    nodes[node].tokens.append(contentsOf: tokens)
    grew(node, by: tokens.count)
  }

  /// Forgets the sequence's tokens from position `count` on.
  package mutating func trim(_ sequence: Int, to count: Int) {
    let old = tailNodes[sequence]
    guard count < nodes[old].end else { return }
    let wasPinned = pinned[sequence]
    setPinned(sequence, false)
    var node = old
    while nodes[node].start >= count && node > 0 { node = nodes[node].parent }
    let target = boundary(at: Place(node: node, depth: count))
    nodes[old].tails.removeAll { $0 == sequence }
    tailNodes[sequence] = target
    nodes[target].tails.append(sequence)
    setPinned(sequence, wasPinned)
    prune(old)
  }

  package mutating func remove(_ sequence: Int) {
    setPinned(sequence, false)
    let node = tailNodes[sequence]
    tailNodes[sequence] = -1
    nodes[node].tails.removeAll { $0 == sequence }
    prune(node)
  }

  /// Marks the sequence's present end, which is not its root.
  package mutating func mark(_ sequence: Int, id: UInt64) {
    let node = tailNodes[sequence]
    nodes[node].marks.append(Mark(depth: nodes[node].end, id: id))
  }

  package mutating func removeMark(_ id: UInt64) {
    for node in nodes.indices {
      guard let index = nodes[node].marks.firstIndex(where: { $0.id == id }) else { continue }
      nodes[node].marks.remove(at: index)
      return
    }
  }

  /// The marks whose tokens nobody holds any more, since the last call.
  package mutating func takeLostMarks() -> [UInt64] {
    guard !lostMarks.isEmpty else { return [] }
    defer { lostMarks.removeAll() }
    return lostMarks
  }

  /// The deepest mark on the sequence's way, at most `depth` deep.
  package func lastMark(of sequence: Int, upTo depth: Int) -> Mark? {
    var node = tailNodes[sequence]
    while node > 0 {
      if let mark = nodes[node].marks.last(where: { $0.depth <= depth }) { return mark }
      node = nodes[node].parent
    }
    return nil
  }

  /// The place of the sequence's first `count` tokens.
  package func place(of sequence: Int, count: Int) -> Place {
    shortened(Place(node: tailNodes[sequence], depth: count), to: count)
  }

  /// A place on the way from the root to `place`, `depth` tokens from the root.
  func shortened(_ place: Place, to depth: Int) -> Place {
    var node = place.node
    while nodes[node].start >= depth && node > 0 { node = nodes[node].parent }
    return Place(node: node, depth: depth)
  }

  private mutating func grew(_ node: Int, by count: Int) {
    cells += count
    if nodes[node].pins > 0 { pinnedCells += count }
  }

  /// The node that can take the sequence's next token: its tail if nobody else holds it, else a new child.
  private mutating func growingNode(of sequence: Int) -> Int {
    let tail = tailNodes[sequence]
    if tail > 0 && nodes[tail].children.isEmpty && nodes[tail].tails.count == 1 { return tail }
    let child = makeNode(Node(tokens: [], start: nodes[tail].end, parent: tail))
    nodes[child].pins = pinned[sequence] ? 1 : 0
    nodes[child].tails = [sequence]
    nodes[tail].tails.removeAll { $0 == sequence }
    nodes[tail].children.append(child)
    tailNodes[sequence] = child
    return child
  }

  private mutating func makeNode(_ node: Node) -> Int {
    if let index = unused.popLast() {
      nodes[index] = node
      return index
    }
    nodes.append(node)
    return nodes.count - 1
  }

  private mutating func addPins(_ change: Int, from start: Int) {
    var node = start
    while node > 0 {
      let before = nodes[node].pins
      nodes[node].pins = before + change
      if before == 0 { pinnedCells += nodes[node].tokens.count }
      if before + change == 0 { pinnedCells -= nodes[node].tokens.count }
      node = nodes[node].parent
    }
  }

  /// A node that ends at the place; splits the node if the place lies inside it.
  private mutating func boundary(at place: Place) -> Int {
    let lower = place.node
    let offset = place.depth - nodes[lower].start
    guard lower > 0 && offset < nodes[lower].tokens.count else { return lower }
    let parent = nodes[lower].parent
    var node = Node(tokens: Array(nodes[lower].tokens[..<offset]), start: nodes[lower].start, parent: parent)
    node.children = [lower]
    node.pins = nodes[lower].pins
    node.marks = nodes[lower].marks.filter { $0.depth <= place.depth }
    nodes[lower].marks.removeAll { $0.depth <= place.depth }
    let upper = makeNode(node)
    replaceChild(lower, by: upper, of: parent)
    nodes[lower].tokens.removeFirst(offset)
    nodes[lower].start += offset
    nodes[lower].parent = upper
    return upper
  }

  private mutating func replaceChild(_ child: Int, by other: Int, of parent: Int) {
    if let index = nodes[parent].children.firstIndex(of: child) { nodes[parent].children[index] = other }
  }

  /// Frees the node, and those above it, that no sequence holds any more; joins a run that needs no border.
  private mutating func prune(_ start: Int) {
    var node = start
    while node > 0 && nodes[node].tails.isEmpty && nodes[node].children.isEmpty {
      let parent = nodes[node].parent
      cells -= nodes[node].tokens.count
      nodes[parent].children.removeAll { $0 == node }
      lostMarks.append(contentsOf: nodes[node].marks.map(\.id))
      release(node)
      node = parent
    }
    guard node > 0, nodes[node].tails.isEmpty, nodes[node].children.count == 1 else { return }
    let child = nodes[node].children[0]
    let parent = nodes[node].parent
    nodes[child].tokens.insert(contentsOf: nodes[node].tokens, at: 0)
    nodes[child].start = nodes[node].start
    nodes[child].parent = parent
    nodes[child].marks.insert(contentsOf: nodes[node].marks, at: 0)
    replaceChild(node, by: child, of: parent)
    release(node)
  }

  private mutating func release(_ node: Int) {
    nodes[node] = Node(tokens: [], start: 0, parent: -1)
    unused.append(node)
  }
}
