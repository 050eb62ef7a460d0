import AtelierEngine
import Testing

struct ThreadGovernorTests {
  /// Steps of 10 ms in which `foreign` cores are taken by others; returns the counts used.
  private func run(_ governor: inout ThreadGovernor, seconds: Double, cores: Double, foreign: Double) -> [Int] {
    var waited = 0.0
    return (0..<Int(seconds * 100)).map { _ in
      let threads = governor.threads
      // The scheduler shares cores fairly: beyond the free ones, each foreign thread takes half a core.
      let free = cores - foreign
      let got = Double(threads) <= free ? Double(threads) : free + (Double(threads) - free) / 2
      waited += 0.01 * (Double(threads) - got)
      governor.record(wall: 0.01) { waited }
      return threads
    }
  }

  @Test func quietMachineKeepsAllThreads() {
    var governor = ThreadGovernor(maximum: 2)
    #expect(run(&governor, seconds: 10, cores: 2, foreign: 0).allSatisfy { $0 == 2 })
    #expect(run(&governor, seconds: 10, cores: 2, foreign: 0.1).allSatisfy { $0 == 2 })
  }

  @Test func takenCoreIsLeftToItsTakerAndTriedEverMoreRarely() {
    var governor = ThreadGovernor(maximum: 2)
    let used = run(&governor, seconds: 60, cores: 2, foreign: 1)
    #expect(used.prefix(6).allSatisfy { $0 == 2 })
    #expect(Double(used.count { $0 == 2 }) < 0.02 * Double(used.count))
    #expect(used.suffix(1000).contains(1))
  }

  @Test func freedCoreIsUsedAgain() {
    var governor = ThreadGovernor(maximum: 2)
    _ = run(&governor, seconds: 3, cores: 2, foreign: 1)
    let used = run(&governor, seconds: 20, cores: 2, foreign: 0)
    #expect(used.suffix(100).allSatisfy { $0 == 2 })
  }

  @Test(arguments: [(8, 2.0, 7), (8, 8.0, 4), (4, 1.0, 3)])
  func asManyGoAsAreMissing(maximum: Int, foreign: Double, expected: Int) {
    var governor = ThreadGovernor(maximum: maximum)
    #expect(run(&governor, seconds: 0.2, cores: Double(maximum), foreign: foreign).last == expected)
  }

  @Test func nothingChangesWhereTheSystemDoesNotTell() {
    var governor = ThreadGovernor(maximum: 2)
    for _ in 0..<100 { governor.record(wall: 0.01) { nil } }
    #expect(governor.threads == 2)
  }

  @Test func oneThreadStaysOne() {
    var governor = ThreadGovernor(maximum: 1)
    #expect(run(&governor, seconds: 1, cores: 1, foreign: 1).allSatisfy { $0 == 1 })
  }
}
