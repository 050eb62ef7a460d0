import AtelierEngine
import AtelierTesting
import Testing

struct ThreadGovernorTests {
  /// Runs steps whose time depends on the threads; returns the counts used. `busyShare`: of the time in which the thread
  /// that computes has a core.
  private func run(
    _ governor: inout ThreadGovernor, steps: Int, rows: Int = 1, busyShare: (Int) -> Double = { _ in 0.97 },
    _ seconds: (Int) -> Double
  ) -> [Int] {
    var noise = SeededGenerator(seed: 7)
    return (0..<steps).map { _ in
      let threads = governor.threads(rows: rows)
      let taken = seconds(threads) * Double.random(in: 0.99...1.01, using: &noise)
      governor.record(rows: rows, seconds: taken, processorSeconds: taken * busyShare(threads))
      return threads
    }
  }

  /// The same beside a process that wants a core of the two: two threads wait for it at every operation.
  private func runContended(_ governor: inout ThreadGovernor, steps: Int, rows: Int) -> [Int] {
    run(&governor, steps: steps, rows: rows, busyShare: { $0 == 2 ? 0.5 : 0.97 }) {
      $0 == 2 ? 0.15 + 0.003 * Double(rows) : 0.003 + 0.0035 * Double(rows)
    }
  }

  /// The same where nobody else wants a core.
  private func runQuiet(_ governor: inout ThreadGovernor, steps: Int, rows: Int) -> [Int] {
    run(&governor, steps: steps, rows: rows) { 0.003 + ($0 == 2 ? 0.0018 : 0.0035) * Double(rows) }
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

  @Test(arguments: [16, 64, 300, 100_000])
  func promptsUseAllWithoutATrialWhereItIsQuiet(rows: Int) {
    var governor = ThreadGovernor(maximum: 2)
    #expect(runQuiet(&governor, steps: 200, rows: rows).allSatisfy { $0 == 2 })
    // Depth makes rows dearer; that is no sign of anything.
    #expect(run(&governor, steps: 50, rows: rows) { $0 == 2 ? 3 : 1 }.allSatisfy { $0 == 2 })
  }

  @Test func promptsGiveWayToAForeignProcess() {
    var governor = ThreadGovernor(maximum: 2)
    _ = runQuiet(&governor, steps: 20, rows: 64)
    let used = runContended(&governor, steps: 200, rows: 64)
    #expect(used.prefix(2) == [2, 1])
    #expect(used.count { $0 == 2 } <= 10)
    // And take the core again when it is free.
    #expect(runQuiet(&governor, steps: 200, rows: 64).suffix(50).allSatisfy { $0 == 2 })
  }

  @Test func aLateStepIsFollowedByATrialAtOnce() {
    var governor = ThreadGovernor(maximum: 2)
    _ = runQuiet(&governor, steps: 500, rows: 1)
    let used = runContended(&governor, steps: 300, rows: 1)
    // One step that shows it, one that proves it, none more for a long time.
    #expect(used.prefix(2) == [2, 1])
    #expect(used.count { $0 == 2 } == 2)
  }

  @Test func aLatePromptWarnsTheStepsAfterIt() {
    var governor = ThreadGovernor(maximum: 2)
    #expect(runContended(&governor, steps: 1, rows: 50) == [2])
    #expect(governor.threads(rows: 1) == 1)
    #expect(governor.threads(rows: 8) == 1)
    // One of another length has not been proved late by this one.
    #expect(governor.threads(rows: 300) == 2)
  }

  @Test func whatStepsOfOneSizeProveHoldsForPrompts() {
    var governor = ThreadGovernor(maximum: 2)
    _ = runContended(&governor, steps: 30, rows: 1)
    #expect(governor.threads(rows: 300) == 1)
    _ = runQuiet(&governor, steps: 3000, rows: 1)
    #expect(runQuiet(&governor, steps: 2, rows: 300).last == 2)
  }

  @Test func aSingleHindranceCostsAFewSteps() {
    var governor = ThreadGovernor(maximum: 2)
    _ = runQuiet(&governor, steps: 500, rows: 8)
    _ = run(&governor, steps: 1, rows: 8, busyShare: { _ in 0.5 }) { _ in 0.2 }
    #expect(runQuiet(&governor, steps: 200, rows: 8).count { $0 == 1 } <= 8)
    #expect(governor.threads(rows: 64) == 2)
  }

  @Test func dearTrialsAreRare() {
    var governor = ThreadGovernor(maximum: 2)
    _ = run(&governor, steps: 100) { $0 == 2 ? 0.15 : 0.006 }
    // Even where steps become slower by themselves.
    var used = run(&governor, steps: 2000) { $0 == 2 ? 0.15 : 0.006 }
    used += run(&governor, steps: 50) { $0 == 2 ? 0.15 : 0.009 }
    #expect(used.count { $0 == 2 } <= 3)
  }

  @Test func oneThreadStaysOne() {
    var governor = ThreadGovernor(maximum: 1)
    #expect(run(&governor, steps: 100) { _ in 0.01 }.allSatisfy { $0 == 1 })
  }
}
