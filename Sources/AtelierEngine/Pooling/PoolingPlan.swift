/// The inputs of one step, spread over the lanes.
struct PoolingPlan: Sendable {
  struct Item: Sendable {
    var id: UInt64
    /// Place in its request.
    var input: Int
    var tokens: [Int32]
  }

  private let limits: PoolingLimits
  private(set) var lanes: [[Item]]
  private var rows: [Int]
  /// Holds an input that takes the step for itself.
  private var isWhole = false

  init(limits: PoolingLimits) {
    self.limits = limits
    lanes = Array(repeating: [], count: limits.laneCount)
    rows = Array(repeating: 0, count: limits.laneCount)
  }

  var isEmpty: Bool { rowCount == 0 }
  var rowCount: Int { rows.reduce(0, +) }
  var items: [Item] { lanes.flatMap { $0 } }

  mutating func removeAll() { self = PoolingPlan(limits: limits) }

  /// Puts the input where the fewest tokens are, if it fits there. An empty plan takes any input.
  mutating func take(_ item: Item) -> Bool {
    let count = item.tokens.count
    let lane = emptiestLane
    guard !isWhole, isEmpty || count <= limits.maxRowsPerLane, lanes[lane].isEmpty || fits(count, lane) else {
      return false
    }
    isWhole = count > limits.maxRowsPerLane
    add(item, lane)
    return true
  }

  /// Spreads the inputs anew, the long ones first, so that the lanes end together.
  mutating func balance() {
    guard lanes.count > 1, !lanes[1].isEmpty else { return }
    var balanced = PoolingPlan(limits: limits)
    for item in items.sorted(by: { $0.tokens.count > $1.tokens.count }) { balanced.add(item, balanced.emptiestLane) }
    // Evenly spread tokens may be unevenly many inputs.
    guard balanced.lanes.allSatisfy({ $0.count <= limits.inputsPerLane }),
      balanced.rows.allSatisfy({ $0 <= limits.maxRowsPerLane })
    else { return }
    self = balanced
  }

  private func fits(_ count: Int, _ lane: Int) -> Bool {
    rows[lane] + count <= limits.rowsPerLane && lanes[lane].count < limits.inputsPerLane
  }

  private var emptiestLane: Int { rows.indices.min { rows[$0] < rows[$1] } ?? 0 }

  private mutating func add(_ item: Item, _ lane: Int) {
    lanes[lane].append(item)
    rows[lane] += item.tokens.count
  }
}
