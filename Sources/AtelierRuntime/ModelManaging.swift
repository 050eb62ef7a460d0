import AtelierCore

/// Models on disk and in memory, as the HTTP layer sees them.
package protocol ModelManaging: Sendable {
  /// Everything on disk: language models first, then by key. Fast (< 100 ms) also while models load or generate.
  func models() async -> [ModelDescription]

  /// Instances loaded or loading, in the order they were begun.
  func instances() async -> [InstanceDescription]

  /// Loads another instance of the model and waits for it. Throws `modelNotFound`, `identifierInUse`, `invalidValue`
  /// (context), `insufficientMemory`, `modelLoadFailed`.
  func load(_ request: ModelLoadRequest) async throws(AtelierError) -> InstanceDescription

  /// What that load would take. Throws `modelNotFound` and `invalidValue`.
  func estimate(_ request: ModelLoadRequest) async throws(AtelierError) -> LoadEstimate

  /// Ends the instance's requests with `modelUnloaded` and returns when its memory is back. Throws `modelNotFound`.
  func unload(instanceID: String) async throws(AtelierError)
}
