/// Memory for saved states of a model that cannot cut its memory back (recurrent, hybrid, sliding window). One rule for the
/// estimate before a load and for the worker that keeps to it.
package enum CheckpointBudget {
  private static let least: Int64 = 128 << 20
  private static let most: Int64 = 1 << 30

  /// Bytes at most. States grow with the model, so the budget is an eighth of its weights.
  package static func bytes(weights: Int64) -> Int64 { min(max(weights / 8, least), most) }

  /// Sequences, running and kept, for which such a model holds a state at the same time.
  package static func sequences(parallel: Int) -> Int { 2 * max(1, parallel) + 2 }
}
