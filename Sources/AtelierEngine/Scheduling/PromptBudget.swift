/// How many prompt tokens fit beside the generating sequences so that a step stays within the target time: learns the
/// cost of a step from the steps before.
package struct PromptBudget: Sendable {
  /// Prompt tokens that always get through, whatever the target.
  package static let minimum = 8
  private static let initial = 32
  private static let smoothing = 0.25

  package let maximum: Int
  package let targetMilliseconds: Double

  /// A step with only decode rows, and what a prompt row adds; nil before the first measurement.
  private var decodeMilliseconds: Double?
  private var promptRowMilliseconds: Double?

  package init(maximum: Int, targetMilliseconds: Double) {
    self.maximum = max(1, maximum)
    self.targetMilliseconds = targetMilliseconds
  }

  /// Prompt tokens for a step with that many decode rows.
  package func promptTokens(decodeRows: Int) -> Int {
    guard decodeRows > 0 else { return maximum }
    guard let promptRow = promptRowMilliseconds else { return min(Self.initial, maximum) }
    let decode = decodeMilliseconds ?? 0
    // On a machine whose decode alone takes most of the target, prompts still get as much time as decoding.
    let spare = max(targetMilliseconds - decode, decode)
    let fitting = (spare / max(promptRow, 0.0001)).rounded(.down)
    return min(maximum, max(Self.minimum, fitting >= Double(maximum) ? maximum : Int(fitting)))
  }

  package mutating func record(decodeRows: Int, promptRows: Int, milliseconds: Double) {
    guard milliseconds.isFinite, milliseconds >= 0 else { return }
    if promptRows == 0 {
      guard decodeRows > 0 else { return }
      Self.learn(&decodeMilliseconds, milliseconds)
    } else {
      let base = decodeRows > 0 ? (decodeMilliseconds ?? 0) : 0
      let cost = max(0, milliseconds - base) / Double(promptRows)
      // A step with few prompt rows says little about the cost of one: it also holds what every step costs.
      if promptRows >= Self.minimum || promptRowMilliseconds == nil { Self.learn(&promptRowMilliseconds, cost) }
    }
  }

  private static func learn(_ value: inout Double?, _ sample: Double) {
    value = value.map { $0 + smoothing * (sample - $0) } ?? sample
  }
}
