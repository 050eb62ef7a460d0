import AtelierCore

/// Turns that were kept, one by one, as the HTTP layer shows and deletes them.
package protocol StoredTurns: Sendable {
  /// Throws `responseNotFound`.
  func turn(_ id: String) async throws(AtelierError) -> StoredTurn

  /// Makes the turn unknown; turns that continue it go on to know what it said. Throws `responseNotFound`.
  func forget(_ id: String) async throws(AtelierError)
}
