/// Limits of one `BatchingEngine`.
package struct EngineConfiguration: Sendable, Hashable {
  /// Sequences computed at the same time at most.
  package var parallel: Int
  /// Requests waiting at most; past that `submit` refuses.
  package var maxWaiting: Int
  /// Seconds a request waits for its turn at most; then it ends as `waitedTooLong`.
  package var maxWaitingSeconds: Double
  /// Prompt tokens per step at most; the scheduler goes below it while sequences are generating.
  package var promptTokensPerStep: Int
  /// Milliseconds a step should take at most while sequences are generating: the prompt budget adapts to it. What a
  /// generating stream pauses at most per token while a long prompt is read; a small value makes that prompt wait longer.
  package var targetStepMilliseconds: Double

  package init(
    parallel: Int = 4, maxWaiting: Int = 64, maxWaitingSeconds: Double = 120, promptTokensPerStep: Int = 512,
    targetStepMilliseconds: Double = 200
  ) {
    self.parallel = parallel
    self.maxWaiting = maxWaiting
    self.maxWaitingSeconds = maxWaitingSeconds
    self.promptTokensPerStep = promptTokensPerStep
    self.targetStepMilliseconds = targetStepMilliseconds
  }
}
