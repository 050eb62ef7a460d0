import AtelierEngine
import Testing

struct PromptBudgetTests {
  @Test func isFullWhenNobodyGenerates() {
    let budget = PromptBudget(maximum: 512, targetMilliseconds: 50)
    #expect(budget.promptTokens(decodeRows: 0) == 512)
    #expect(budget.promptTokens(decodeRows: 3) < 512)
  }

  @Test(arguments: [0.1, 1, 2, 20], [5.0, 30, 200])
  func settlesAtTheTarget(promptRow: Double, decode: Double) {
    var budget = PromptBudget(maximum: 512, targetMilliseconds: 50)
    for _ in 0..<10 { budget.record(decodeRows: 4, promptRows: 0, milliseconds: decode) }
    for _ in 0..<100 {
      let rows = budget.promptTokens(decodeRows: 4)
      #expect(rows >= PromptBudget.minimum)
      #expect(rows <= 512)
      budget.record(decodeRows: 4, promptRows: rows, milliseconds: decode + Double(rows) * promptRow)
    }
    let rows = budget.promptTokens(decodeRows: 4)
    let allowed = max(50, 2 * decode)
    if rows > PromptBudget.minimum { #expect(decode + Double(rows) * promptRow <= allowed * 1.01) }
    if rows < 512 { #expect(decode + Double(rows + 1) * promptRow >= allowed * 0.98) }
  }

  @Test func survivesOddMeasurements() {
    var budget = PromptBudget(maximum: 64, targetMilliseconds: 50)
    for value in [0, -1, .nan, .infinity, 1e300] {
      budget.record(decodeRows: 1, promptRows: 8, milliseconds: value)
      budget.record(decodeRows: 1, promptRows: 0, milliseconds: value)
      #expect((PromptBudget.minimum...64).contains(budget.promptTokens(decodeRows: 1)))
    }
  }
}
