/// How many prompt tokens fit beside the generating sequences so that a step stays within the target time: learns the
/// cost of a step from the steps before.
///
/// At least `wideRows` prompt rows get a call of their own that computes attention in tiles, which makes a row much cheaper
/// than one of a narrower step (two to three times, with some thousand tokens in memory). So the cost of a row is learned
/// for both kinds, and a step is made wide where that exceeds the target by no more than half.
package struct PromptBudget: Sendable {
  /// Prompt tokens that always get through, whatever the target.
  package static let minimum = 8
  /// Rows from which llama.cpp's attention on processors works in tiles (`ggml_fa_tile_config::Q`).
  package static let wideRows = 64
  private static let initial = 32
  private static let smoothing = 0.25
  /// What a wide step may take of the time that prompts have.
  private static let tolerance = 1.5
  /// A row of a wide step costs at least this part of a narrow one's, as a first guess.
  private static let guess = 1.0 / 3
  /// One step counts for what it took, but for no more than this times what was expected.
  private static let mostSurprise = 1.5
  private static let confidenceLoss = 0.005
  /// A wide step three times beyond what is tolerated is not tried again.
  private static let leastConfidence = 1.0 / 3

  package let maximum: Int
  package let targetMilliseconds: Double

  /// A step with only decode rows, and what a prompt row adds to a narrow and to a wide step; nil before the first
  /// measurement.
  private var decodeMilliseconds: Double?
  private var narrowRowMilliseconds: Double?
  private var wideRowMilliseconds: Double?
  /// Wide steps measured so far.
  private var wideSteps = 0
  /// What the measured cost of a wide row is worth: less with every narrow step, which measures nothing of it. A cost
  /// that other programs caused would keep steps narrow for ever.
  private var confidence = 1.0

  package init(maximum: Int, targetMilliseconds: Double) {
    self.maximum = max(1, maximum)
    self.targetMilliseconds = targetMilliseconds
  }

  /// Prompt tokens for a step with that many decode rows.
  package func promptTokens(decodeRows: Int) -> Int {
    guard decodeRows > 0 else { return maximum }
    let decode = decodeMilliseconds ?? 0
    // On a machine whose decode alone takes most of the target, prompts still get as much time as decoding.
    let spare = max(targetMilliseconds - decode, decode)
    let smallestWide = Self.wideRows
    if smallestWide <= maximum, let wide = expectedWideRow {
      // A guess is tried on the smallest step that can prove it.
      let fitting = wideSteps < 2 ? 0 : Self.rows(spare, wide, maximum)
      if fitting >= smallestWide {
        // Whole tiles: a part of one costs as much.
        return fitting == maximum ? maximum : fitting / Self.wideRows * Self.wideRows
      }
      if Double(smallestWide) * wide <= spare * Self.tolerance { return smallestWide }
    }
    guard let narrow = narrowRowMilliseconds ?? wideRowMilliseconds else { return min(Self.initial, maximum) }
    return min(maximum, max(Self.minimum, min(smallestWide - 1, Self.rows(spare, narrow, maximum))))
  }

  /// Milliseconds. One measurement alone does not refute the guess.
  private var expectedWideRow: Double? {
    let guess = narrowRowMilliseconds.map { $0 * Self.guess }
    guard let measured = wideRowMilliseconds else { return guess }
    return wideSteps < 2 ? min(measured, guess ?? measured) : measured * confidence
  }

  /// Of a prompt's `remaining` rows those of the next step, where there is room for `room`. Where steps are wide, every piece of
  /// a prompt is: what would be left over at the end, a narrow step at the greatest depth, is taken with the first piece, and
  /// goes beyond the room by less than `wideRows`.
  package static func rows(of remaining: Int, room: Int) -> Int {
    guard room >= wideRows, remaining > room else { return min(room, remaining) }
    let whole = room / wideRows * wideRows
    let rest = remaining % wideRows
    return rest == 0 ? whole : max(wideRows, whole - wideRows) + rest
  }

  package mutating func record(decodeRows: Int, promptRows: Int, milliseconds: Double) {
    guard milliseconds.isFinite, milliseconds >= 0 else { return }
    if promptRows == 0 {
      guard decodeRows > 0 else { return }
      Self.learn(&decodeMilliseconds, milliseconds)
      return
    }
    let base = decodeRows > 0 ? (decodeMilliseconds ?? 0) : 0
    let cost = max(0, milliseconds - base) / Double(promptRows)
    if promptRows >= Self.wideRows {
      learnWide(cost)
    } else if promptRows >= Self.minimum || narrowRowMilliseconds == nil {
      // A step with few prompt rows says little about the cost of one: it also holds what every step costs.
      Self.learn(&narrowRowMilliseconds, cost)
      confidence = max(Self.leastConfidence, confidence * (1 - Self.confidenceLoss))
    }
  }

  private mutating func learnWide(_ cost: Double) {
    wideSteps += 1
    confidence = 1
    guard let known = wideRowMilliseconds else { return wideRowMilliseconds = cost }
    // The first one may have been slow for reasons of its own.
    guard wideSteps > 2 else { return wideRowMilliseconds = min(known, cost) }
    Self.learn(&wideRowMilliseconds, min(cost, known * Self.mostSurprise))
  }

  private static func rows(_ milliseconds: Double, _ row: Double, _ maximum: Int) -> Int {
    let fitting = (milliseconds / max(row, 0.0001)).rounded(.down)
    return fitting >= Double(maximum) ? maximum : max(0, Int(fitting))
  }

  private static func learn(_ value: inout Double?, _ sample: Double) {
    value = value.map { $0 + smoothing * (sample - $0) } ?? sample
  }
}
