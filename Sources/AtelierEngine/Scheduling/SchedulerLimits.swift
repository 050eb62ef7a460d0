/// What a `Scheduler` may use.
package struct SchedulerLimits: Sendable, Hashable {
  /// Sequences running at the same time at most: the user's ceiling, or less where the runner cannot hold them.
  package var parallel: Int
  package var maxWaiting: Int
  package var promptTokensPerStep: Int
  package var targetStepMilliseconds: Double
  package var cellCount: Int
  package var maxBatchRows: Int
  package var maxSequences: Int
  package var prefixReuse: PrefixReuse
  package var parking: ParkingLimits?

  package init(
    configuration: EngineConfiguration, cellCount: Int, maxBatchRows: Int, maxSequences: Int, prefixReuse: PrefixReuse,
    parking: ParkingLimits? = nil
  ) {
    parallel = max(1, min(configuration.parallel, maxSequences, maxBatchRows))
    maxWaiting = max(0, configuration.maxWaiting)
    promptTokensPerStep = max(1, min(configuration.promptTokensPerStep, maxBatchRows))
    targetStepMilliseconds = configuration.targetStepMilliseconds
    self.cellCount = cellCount
    self.maxBatchRows = maxBatchRows
    self.maxSequences = maxSequences
    self.prefixReuse = prefixReuse
    self.parking = parking
  }

  /// Rows of a step's prompts that may tell probabilities: a runner gives as many rows of logits as it has sequences, and
  /// each running one may need one for its next token.
  var scoredRows: Int { max(1, maxSequences - parallel) }

  package init(configuration: EngineConfiguration, runner: any ModelRunner) {
    self.init(
      configuration: configuration, cellCount: runner.cellCount, maxBatchRows: runner.maxBatchRows,
      maxSequences: runner.maxSequences, prefixReuse: runner.prefixReuse,
      parking: runner.parking)
  }
}
