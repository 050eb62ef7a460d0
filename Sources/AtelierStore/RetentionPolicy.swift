/// Which stored turns may go: leaves only, the oldest first, so that no kept turn ever loses its history.
package struct RetentionPolicy: Sendable, Hashable {
  /// nil: no limit.
  package var maxAgeDays: Int?
  /// nil: no limit.
  package var maxNodes: Int?

  package init(maxAgeDays: Int? = 30, maxNodes: Int? = 10_000) {
    self.maxAgeDays = maxAgeDays
    self.maxNodes = maxNodes
  }

  struct Entry: Sendable, Hashable {
    var id: String
    var parent: String?
    /// Milliseconds since 1970.
    var createdAt: Int64
    /// Kept for the turns that continue it only.
    var isForgotten = false
  }

  /// Milliseconds since 1970 before which a turn is too old; nil: none is.
  func oldestKept(now: Int64) -> Int64? { maxAgeDays.map { now - Int64($0) * 86_400_000 } }

  /// Ids to delete, in an order in which each is a leaf when its turn comes. `now`: milliseconds since 1970.
  func expired(_ entries: [Entry], now: Int64) -> [String] {
    let cutoff = oldestKept(now: now)
    var byID: [String: Entry] = [:]
    var children: [String: Int] = [:]
    for entry in entries {
      byID[entry.id] = entry
      if let parent = entry.parent { children[parent, default: 0] += 1 }
    }
    // Newest first and what is forgotten at the end, so that the next to go is the last element.
    func precedes(_ left: Entry, _ right: Entry) -> Bool {
      (left.isForgotten ? 0 : 1, left.createdAt, left.id) > (right.isForgotten ? 0 : 1, right.createdAt, right.id)
    }
    var leaves = entries.filter { children[$0.id] == nil }.sorted(by: precedes)
    var remaining = entries.count
    var expired: [String] = []
    while let leaf = leaves.last {
      let tooOld = cutoff.map { leaf.createdAt < $0 } ?? false
      let tooMany = maxNodes.map { remaining > $0 } ?? false
      guard tooOld || tooMany || leaf.isForgotten else { break }
      leaves.removeLast()
      expired.append(leaf.id)
      remaining -= 1
      guard let parent = leaf.parent, let entry = byID[parent] else { continue }
      children[parent, default: 1] -= 1
      guard children[parent] == 0 else { continue }
      var low = 0
      var high = leaves.count
      while low < high {
        let middle = (low + high) / 2
        if precedes(leaves[middle], entry) { low = middle + 1 } else { high = middle }
      }
      leaves.insert(entry, at: low)
    }
    return expired
  }
}
