import Testing

@testable import AtelierServer

struct StreamTimerTests {
  private let start = ContinuousClock.now

  @Test func silenceAsksForASignOfLifeAndOutputPutsItOff() {
    var timer = StreamTimer(keepAlive: .seconds(10), stall: .seconds(60), now: start)
    #expect(timer.action(at: start) == .wait(until: start + .seconds(10)))
    #expect(timer.action(at: start + .seconds(10)) == .keepAlive)
    timer.wrote(at: start + .seconds(9))
    #expect(timer.action(at: start + .seconds(10)) == .wait(until: start + .seconds(19)))
  }

  @Test func aWriteThatTakesTooLongIsCutOffAndNeverKeptAlive() {
    var timer = StreamTimer(keepAlive: .seconds(10), stall: .seconds(60), now: start)
    timer.writeBegan(at: start)
    #expect(timer.action(at: start + .seconds(30)) == .wait(until: start + .seconds(60)))
    #expect(timer.action(at: start + .seconds(60)) == .cutOff)
    timer.writeEnded(at: start + .seconds(59))
    #expect(timer.action(at: start + .seconds(60)) == .wait(until: start + .seconds(69)))
  }
}
