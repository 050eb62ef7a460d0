/// Makes engines: spawning worker processes in the product, scripted in tests.
package protocol EngineLauncher: Sendable {
  /// Loads a model. `progress` gets 0…1, never decreasing. Throws `modelLoadFailed` or `insufficientMemory` with a
  /// message for the user. Cancelling the task ends the load.
  func launch(_ load: EngineLoad, progress: @escaping @Sendable (Double) -> Void) async throws(AtelierError)
    -> any InferenceEngine
}
