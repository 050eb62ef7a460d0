extension RadixTree {
  /// The place of the longest prefix of `tokens` (at most `limit` of them) that some sequence holds.
  package func longestPrefix(of tokens: [Int32], limit: Int) -> Place {
    var best = Place.root
    visitMatches(of: tokens, limit: limit) { node, depth in
      if depth > best.depth { best = Place(node: node, depth: depth) }
    }
    return best
  }

  /// The deepest mark on the ways that `tokens` take, at most `limit` deep, and its place.
  package func deepestMark(of tokens: [Int32], limit: Int) -> (mark: Mark, place: Place)? {
    var best: (mark: Mark, place: Place)?
    visitMatches(of: tokens, limit: limit) { node, depth in
      guard let mark = nodes[node].marks.last(where: { $0.depth <= depth }) else { return }
      if mark.depth > best?.mark.depth ?? 0 { best = (mark, Place(node: node, depth: mark.depth)) }
    }
    return best
  }

  /// A sequence that holds the place; nil at the root.
  package func holder(of place: Place) -> Int? {
    guard place.depth > 0 else { return nil }
    var node = place.node
    while true {
      if let sequence = nodes[node].tails.first { return sequence }
      guard let child = nodes[node].children.first else { return nil }
      node = child
    }
  }

  /// A sequence that ends at the place and meets the condition.
  func entry(endingAt place: Place, where condition: (Int) -> Bool) -> Int? {
    place.depth == nodes[place.node].end ? nodes[place.node].tails.first(where: condition) : nil
  }

  /// Whether a sequence that `counts` holds all of `tokens`.
  package func covers(_ tokens: [Int32], where counts: (Int) -> Bool) -> Bool {
    var covered = false
    visitMatches(of: tokens, limit: tokens.count) { node, depth in
      if !covered && depth == tokens.count { covered = anySequence(below: node, where: counts) }
    }
    return covered
  }

  /// The sequences all of whose tokens are the first ones of `tokens`, at most `limit`; shorter ones first on each way.
  package func sequences(within tokens: [Int32], limit: Int) -> [Int] {
    var result: [Int] = []
    visitMatches(of: tokens, limit: limit) { node, depth in
      if depth == nodes[node].end { result.append(contentsOf: nodes[node].tails) }
    }
    return result
  }

  private func anySequence(below start: Int, where counts: (Int) -> Bool) -> Bool {
    var open = [start]
    while let node = open.popLast() {
      if nodes[node].tails.contains(where: counts) { return true }
      open.append(contentsOf: nodes[node].children)
    }
    return false
  }

  /// Calls `body` with every node that matches at least one token, and the depth reached in it.
  private func visitMatches(of tokens: [Int32], limit: Int, _ body: (Int, Int) -> Void) {
    var open = [(node: 0, depth: 0)]
    while let (node, depth) = open.popLast() {
      guard depth < limit else { continue }
      for child in nodes[node].children {
        let common = TokenPrefix.common(nodes[child].tokens, 0, tokens, depth, limit: limit - depth)
        guard common > 0 else { continue }
        body(child, depth + common)
        if common == nodes[child].tokens.count { open.append((child, depth + common)) }
      }
    }
  }
}
