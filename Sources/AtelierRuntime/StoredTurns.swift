import AtelierCore

/// Turns that were kept, one by one, as the HTTP layer shows and deletes them.
package protocol StoredTurns: Sendable {
  /// Throws `responseNotFound`, also for what belongs to another caller.
  func turn(_ id: String, of caller: Caller) async throws(AtelierError) -> StoredTurn

  /// Makes the turn unknown; turns that continue it go on to know what it said. Throws `responseNotFound`, also for
  /// what belongs to another caller.
  func forget(_ id: String, of caller: Caller) async throws(AtelierError)
}
