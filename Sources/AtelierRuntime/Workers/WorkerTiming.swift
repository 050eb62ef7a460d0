/// How long a worker may take.
package struct WorkerTiming: Sendable, Hashable {
  /// To say hello.
  package var start: Duration
  /// From hello to loaded.
  package var load: Duration
  package var pingInterval: Duration
  /// Without any word, while it loads or has requests.
  package var silence: Duration
  /// With requests running and not one engine step done. One step of a large model's prompt may take minutes.
  package var stall: Duration
  /// From being told to end until it is killed.
  package var stop: Duration
  /// How long a request waits for its turn before it is refused.
  package var queue: Duration

  package init(
    start: Duration = .seconds(15), load: Duration = .seconds(600), pingInterval: Duration = .seconds(5),
    silence: Duration = .seconds(30), stall: Duration = .seconds(300), stop: Duration = .seconds(5),
    queue: Duration = .seconds(120)
  ) {
    self.start = start
    self.load = load
    self.pingInterval = pingInterval
    self.silence = silence
    self.stall = stall
    self.stop = stop
    self.queue = queue
  }
}
