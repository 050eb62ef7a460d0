import AtelierEngine
import Testing

struct PromptBudgetTests {
  @Test func isFullWhenNobodyGenerates() {
    let budget = PromptBudget(maximum: 512, targetMilliseconds: 50)
    #expect(budget.promptTokens(decodeRows: 0) == 512)
    #expect(budget.promptTokens(decodeRows: 3) < 512)
  }

  /// Runs steps until the budget has settled; returns its rows and what a step takes then.
  private func settle(
    decode: Double, narrow: Double, wide: Double, decodeRows: Int = 4, target: Double = 150
  ) -> (rows: Int, milliseconds: Double) {
    var budget = PromptBudget(maximum: 512, targetMilliseconds: target)
    for _ in 0..<10 { budget.record(decodeRows: decodeRows, promptRows: 0, milliseconds: decode) }
    func time(_ rows: Int) -> Double {
      decode + Double(rows) * (rows >= PromptBudget.wideRows ? wide : narrow)
    }
    for _ in 0..<100 {
      let rows = budget.promptTokens(decodeRows: decodeRows)
      #expect((PromptBudget.minimum...512).contains(rows))
      budget.record(decodeRows: decodeRows, promptRows: rows, milliseconds: time(rows))
    }
    let rows = budget.promptTokens(decodeRows: decodeRows)
    return (rows, time(rows))
  }

  @Test(arguments: [0.05, 0.5, 1, 2, 20], [5.0, 30, 200])
  func settlesAtTheTarget(row: Double, decode: Double) {
    let (rows, milliseconds) = settle(decode: decode, narrow: row, wide: row)
    let allowed = max(150 - decode, decode)
    if rows > PromptBudget.minimum { #expect(milliseconds <= decode + allowed * 1.51) }
    // No more than a tile below what fits.
    if rows < 512 { #expect(Double(rows + PromptBudget.wideRows) * row >= allowed * 0.98) }
  }

  @Test func stepsAreMadeWideWhereThatPays() {
    // 20 narrow rows would fit, but 64 make a tile, at less than half the price each.
    let (rows, milliseconds) = settle(decode: 50, narrow: 5, wide: 2.2, decodeRows: 8)
    #expect(rows == PromptBudget.wideRows)
    #expect(milliseconds < 200)
  }

  @Test func slowMachinesKeepNarrowSteps() {
    // A wide step would stop the streams for six seconds.
    let (rows, _) = settle(decode: 400, narrow: 100, wide: 95, decodeRows: 4)
    #expect(rows == PromptBudget.minimum)
  }

  /// A step of two seconds, first or later, once or for a while: other programs, or memory that was made.
  @Test(arguments: [(0, 1), (1, 1), (30, 1), (30, 8)])
  func slowStepsAreNotHeldAgainstWideOnes(_ disturbed: (first: Int, count: Int)) {
    var budget = PromptBudget(maximum: 512, targetMilliseconds: 200)
    for _ in 0..<10 { budget.record(decodeRows: 8, promptRows: 0, milliseconds: 28) }
    var wide = 0
    for _ in 0..<300 {
      let rows = budget.promptTokens(decodeRows: 8)
      var milliseconds = 28 + Double(rows) * (rows >= PromptBudget.wideRows ? 2.2 : 5)
      if rows >= PromptBudget.wideRows {
        if (disturbed.first..<disturbed.first + disturbed.count).contains(wide) { milliseconds = 2000 }
        wide += 1
      }
      budget.record(decodeRows: 8, promptRows: rows, milliseconds: milliseconds)
    }
    #expect(budget.promptTokens(decodeRows: 8) >= PromptBudget.wideRows)
    #expect(wide > 80)
  }

  @Test func survivesOddMeasurements() {
    var budget = PromptBudget(maximum: 64, targetMilliseconds: 50)
    for value in [0, -1, .nan, .infinity, 1e300] {
      budget.record(decodeRows: 1, promptRows: 8, milliseconds: value)
      budget.record(decodeRows: 1, promptRows: 0, milliseconds: value)
      #expect((PromptBudget.minimum...64).contains(budget.promptTokens(decodeRows: 1)))
    }
  }

  @Test("Where steps are wide, no piece of a prompt is narrow")
  func piecesOfAPrompt() {
    #expect(PromptBudget.rows(of: 40, room: 64) == 40)
    #expect(PromptBudget.rows(of: 300, room: 20) == 20)
    for room in [64, 100, 128, 511, 512] {
      for count in [64, 65, 127, 128, 129, 512, 513, 575, 2898] {
        var left = count
        while left > 0 {
          let rows = PromptBudget.rows(of: left, room: room)
          #expect(rows >= PromptBudget.wideRows)
          #expect(rows < room + PromptBudget.wideRows)
          left -= rows
        }
        #expect(left == 0)
      }
    }
  }
}
