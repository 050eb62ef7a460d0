import AtelierEngine
import AtelierTesting
import Testing

struct ThreadGovernorTests {
  /// Runs steps whose time depends on the threads; returns the counts used.
  private func run(
    _ governor: inout ThreadGovernor, steps: Int, rows: Int = 1, _ seconds: (Int) -> Double
  ) -> [Int] {
    var noise = SeededGenerator(seed: 7)
    return (0..<steps).map { _ in
      let threads = governor.threads(rows: rows)
      governor.record(rows: rows, seconds: seconds(threads) * Double.random(in: 0.99...1.01, using: &noise))
      return threads
    }
  }

  @Test func allThreadsStayWhereTheyHelp() {
    var governor = ThreadGovernor(maximum: 2)
    let used = run(&governor, steps: 4000) { $0 == 2 ? 0.006 : 0.007 }
    #expect(used.suffix(2000).count { $0 == 1 } < 20)
  }

  @Test func fewerAreTakenWhereTheyAreFaster() {
    var governor = ThreadGovernor(maximum: 2)
    let used = run(&governor, steps: 4000) { $0 == 2 ? 0.006 : 0.0055 }
    #expect(used[30] == 1)
    #expect(used.suffix(2000).count { $0 == 2 } < 20)
  }

  @Test func takenCoreIsNoticedWithinAFewSteps() {
    var governor = ThreadGovernor(maximum: 2)
    _ = run(&governor, steps: 3000) { $0 == 2 ? 0.006 : 0.008 }
    let used = run(&governor, steps: 2000) { $0 == 2 ? 0.03 : 0.008 }
    #expect(used.prefix(20).last == 1)
    // Rarely enough that the 99th percentile of the steps does not see it.
    #expect(used.suffix(1200).count { $0 == 2 } <= 9)
  }

  @Test func freedCoreIsUsedAgain() {
    var governor = ThreadGovernor(maximum: 2)
    _ = run(&governor, steps: 3000) { $0 == 2 ? 0.03 : 0.008 }
    let used = run(&governor, steps: 1500) { $0 == 2 ? 0.006 : 0.008 }
    #expect(used.suffix(500).count { $0 == 1 } < 8)
  }

  @Test func manyCoresAreWalkedDown() {
    var governor = ThreadGovernor(maximum: 8)
    #expect(governor.choices == [8, 4, 2, 1])
    let used = run(&governor, steps: 500) { [8: 0.02, 4: 0.012, 2: 0.009, 1: 0.012][$0] ?? 1 }
    #expect(used.suffix(100).count { $0 == 2 } > 80)
  }

  @Test func numbersOfRowsAreJudgedApart() {
    var governor = ThreadGovernor(maximum: 2)
    _ = run(&governor, steps: 100, rows: 1) { $0 == 2 ? 0.006 : 0.005 }
    _ = run(&governor, steps: 100, rows: 8) { $0 == 2 ? 0.02 : 0.04 }
    #expect(governor.threads(rows: 1) == 1)
    #expect(governor.threads(rows: 8) == 2)
  }

  @Test func aClearLossCostsOneStep() {
    var governor = ThreadGovernor(maximum: 2)
    let used = run(&governor, steps: 100, rows: 8) { $0 == 2 ? 0.02 : 0.04 }
    #expect(used.contains(1))
    #expect(!zip(used, used.dropFirst()).contains { $0 == (1, 1) })
  }

  @Test func whatFewRowsNeedIsNotTriedAtOnceForMore() {
    var governor = ThreadGovernor(maximum: 2)
    _ = run(&governor, steps: 400, rows: 4) { $0 == 2 ? 0.02 : 0.04 }
    #expect(run(&governor, steps: 50, rows: 8) { $0 == 2 ? 0.03 : 0.06 }.allSatisfy { $0 == 2 })
    // But soon, once steps of any number of rows have become slow.
    _ = run(&governor, steps: 20, rows: 4) { $0 == 2 ? 0.2 : 0.04 }
    #expect(run(&governor, steps: 30, rows: 8) { $0 == 2 ? 0.2 : 0.06 }.last == 1)
  }

  @Test func promptsUseAll() {
    var governor = ThreadGovernor(maximum: 2)
    #expect(run(&governor, steps: 200, rows: 64) { $0 == 2 ? 0.3 : 0.1 }.allSatisfy { $0 == 2 })
  }

  @Test func oneThreadStaysOne() {
    var governor = ThreadGovernor(maximum: 1)
    #expect(run(&governor, steps: 100) { _ in 0.01 }.allSatisfy { $0 == 1 })
  }
}
