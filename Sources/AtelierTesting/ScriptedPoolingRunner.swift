import AtelierEngine
import Synchronization

/// A `PoolingRunner` without a model: an input's vector is its length and the sum of its tokens. What it was asked is kept,
/// and misuse is recorded in `violations`.
///
/// `@unchecked Sendable`: what changes is in `state`; the rest is set before the runner is used.
package final class ScriptedPoolingRunner: PoolingRunner, @unchecked Sendable {
  private struct State {
    var calls: [[[[Int32]]]] = []
    var violations: [String] = []
  }

  package let laneCount: Int
  package let rowsPerLane: Int
  package let maxRowsPerLane: Int
  package let inputsPerLane: Int
  package let maxInputTokens: Int
  /// Asked before each call; what it throws is the call's error.
  package var beforeCall: (([[[Int32]]]) throws(RunnerError) -> Void)?
  /// Changes the vectors of an input.
  package var adjust: (([Int32], [Float]) -> [Float])?
  private let state = Mutex(State())

  package init(
    laneCount: Int = 1, rowsPerLane: Int = 64, maxRowsPerLane: Int = 128, inputsPerLane: Int = 16,
    maxInputTokens: Int = 512
  ) {
    self.laneCount = laneCount
    self.rowsPerLane = rowsPerLane
    self.maxRowsPerLane = maxRowsPerLane
    self.inputsPerLane = inputsPerLane
    self.maxInputTokens = maxInputTokens
  }

  /// The inputs of each call, by lane.
  package var calls: [[[[Int32]]]] { state.withLock { $0.calls } }
  package var violations: [String] { state.withLock { $0.violations } }

  package func pool(_ lanes: [[[Int32]]]) throws(RunnerError) -> [[[Float]]] {
    let problems = problems(of: lanes)
    state.withLock {
      $0.calls.append(lanes)
      $0.violations += problems
    }
    try beforeCall?(lanes)
    return lanes.map { lane in lane.map { adjust?($0, Self.vector(of: $0)) ?? Self.vector(of: $0) } }
  }

  package static func vector(of input: [Int32]) -> [Float] {
    [Float(input.count), Float(input.reduce(0) { $0 + Int($1) })]
  }

  private func problems(of lanes: [[[Int32]]]) -> [String] {
    var problems: [String] = []
    if lanes.count > laneCount { problems.append("\(lanes.count) lanes") }
    if lanes.allSatisfy(\.isEmpty) { problems.append("a call without inputs") }
    let used = lanes.prefix { !$0.isEmpty }.count
    if lanes[used...].contains(where: { !$0.isEmpty }) { problems.append("a lane behind an empty one") }
    for lane in lanes {
      let rows = lane.reduce(0) { $0 + $1.count }
      if lane.count > inputsPerLane { problems.append("\(lane.count) inputs in a lane") }
      if rows > maxRowsPerLane, lanes.joined().count > 1 { problems.append("\(rows) tokens beside others") }
      if lane.contains(where: { $0.isEmpty || $0.count > maxInputTokens }) { problems.append("an input of bad length") }
    }
    return problems
  }
}
