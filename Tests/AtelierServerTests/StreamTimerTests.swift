import Testing

@testable import AtelierServer

struct StreamTimerTests {
  private let start = ContinuousClock.now

  @Test func silenceAsksForASignOfLifeAndOutputPutsItOff() {
    var timer = StreamTimer(keepAlive: .seconds(10), now: start)
    #expect(timer.action(at: start) == .wait(until: start + .seconds(10)))
    #expect(timer.action(at: start + .seconds(10)) == .keepAlive)
    timer.wrote(at: start + .seconds(9))
    #expect(timer.action(at: start + .seconds(10)) == .wait(until: start + .seconds(19)))
  }

  @Test func aWriteUnderWayIsNeverKeptAlive() {
    var timer = StreamTimer(keepAlive: .seconds(10), now: start)
    timer.writeBegan()
    #expect(timer.action(at: start + .seconds(30)) == .wait(until: start + .seconds(40)))
    timer.writeEnded(at: start + .seconds(59))
    #expect(timer.action(at: start + .seconds(60)) == .wait(until: start + .seconds(69)))
  }
}
