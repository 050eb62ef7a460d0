import AtelierCore

/// How long a worker may take.
package struct WorkerTiming: Sendable, Hashable {
  /// To say hello.
  package var start: Duration
  /// From hello to loaded.
  package var load: Duration
  /// While loading, without any progress. Reading a tensor from a slow disk takes seconds; making the context of a large
  /// model, too.
  package var loadStall: Duration
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
    start: Duration = .seconds(15), load: Duration = .seconds(3600), loadStall: Duration = .seconds(60),
    pingInterval: Duration = .seconds(5),
    silence: Duration = .seconds(30), stall: Duration = .seconds(300), stop: Duration = .seconds(5),
    queue: Duration = .seconds(120)
  ) {
    self.start = start
    self.load = load
    self.loadStall = loadStall
    self.pingInterval = pingInterval
    self.silence = silence
    self.stall = stall
    self.stop = stop
    self.queue = queue
  }

  package init(_ settings: Settings) {
    let silence = Duration.seconds(settings.engineSilenceSeconds)
    self.init(
      loadStall: .seconds(settings.engineLoadSeconds), pingInterval: min(.seconds(5), silence / 4), silence: silence,
      queue: .seconds(settings.queueSeconds))
  }
}
