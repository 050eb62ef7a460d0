import AtelierWorkerProtocol

/// Tells a dead or frozen worker from a busy or idle one.
struct HeartbeatMonitor: Sendable {
  enum Verdict: Sendable, Hashable { case alive, silent, stalled }

  private let timing: WorkerTiming
  private var lastWord: Duration
  private var lastProgress: Duration
  private var lastCheck: Duration
  private var lastState: WorkerState?

  init(timing: WorkerTiming, now: Duration) {
    self.timing = timing
    lastWord = now
    lastProgress = now
    lastCheck = now
  }

  /// How long this process itself did nothing (the machine slept, or somebody stopped it): a time in which no word could
  /// have been heard. It is taken off what the worker is measured by. To be asked before each check.
  mutating func slept(now: Duration) -> Duration {
    defer { lastCheck = now }
    let slept = now - lastCheck - timing.pingInterval
    guard slept > timing.pingInterval else { return .zero }
    lastWord += slept
    lastProgress += slept
    return slept
  }

  /// Any report came.
  mutating func heard(now: Duration) { lastWord = now }

  mutating func heard(_ state: WorkerState, now: Duration) {
    lastWord = now
    if state.running == 0 || state.steps != lastState?.steps { lastProgress = now }
    lastState = state
  }

  /// `isBusy`: it is loading or has requests; an idle worker that is paused harms nobody. One that last said it was running
  /// something is busy too: clients that give a frozen engine up must not keep it from being found out.
  mutating func check(isBusy: Bool, now: Duration) -> Verdict {
    let isRunning = lastState.map { $0.running > 0 } ?? false
    guard isBusy || isRunning else {
      lastWord = now
      lastProgress = now
      return .alive
    }
    if now - lastWord >= timing.silence { return .silent }
    if isRunning, now - lastProgress >= timing.stall { return .stalled }
    return .alive
  }
}
