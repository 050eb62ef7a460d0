/// What a `PoolingScheduler` may use.
package struct PoolingLimits: Sendable, Hashable {
  /// Requests of more inputs than fit a step that are under way at the same time at most: their vectors wait in memory.
  package var parallel: Int
  package var maxWaiting: Int
  /// Tokens of all requests that are not computed yet at most; a single request of any size is accepted by an idle engine.
  package var maxQueuedTokens: Int
  package var laneCount: Int
  package var rowsPerLane: Int
  package var maxRowsPerLane: Int
  package var inputsPerLane: Int
  package var maxInputTokens: Int

  package init(
    configuration: EngineConfiguration, laneCount: Int, rowsPerLane: Int, maxRowsPerLane: Int, inputsPerLane: Int,
    maxInputTokens: Int, maxQueuedTokens: Int = 32 << 20
  ) {
    parallel = max(1, configuration.parallel)
    maxWaiting = max(0, configuration.maxWaiting)
    self.maxQueuedTokens = maxQueuedTokens
    self.laneCount = max(1, laneCount)
    self.rowsPerLane = max(1, rowsPerLane)
    self.maxRowsPerLane = max(self.rowsPerLane, maxRowsPerLane)
    self.inputsPerLane = max(1, inputsPerLane)
    self.maxInputTokens = maxInputTokens
  }

  package init(configuration: EngineConfiguration, runner: any PoolingRunner) {
    self.init(
      configuration: configuration, laneCount: runner.laneCount, rowsPerLane: runner.rowsPerLane,
      maxRowsPerLane: runner.maxRowsPerLane, inputsPerLane: runner.inputsPerLane,
      maxInputTokens: runner.maxInputTokens)
  }

  /// Inputs of one step at most.
  package var inputsPerStep: Int { laneCount * inputsPerLane }
}
