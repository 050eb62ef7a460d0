import AtelierCore

/// Stored chats, as the HTTP layer sees them. Throws `responseNotFound` for an id that no stored turn of the scope has.
package protocol ChatManaging: Sendable {
  /// Newest first, at most `limit`.
  func chats(in scope: ChatScope, limit: Int) async throws(AtelierError) -> [ChatSummary]

  /// The turns from the first to the one with that id.
  func chat(_ id: String, in scope: ChatScope) async throws(AtelierError) -> [ChatTurn]

  /// Deletes the turn, what continues it, and those before it that no other chat shares.
  func deleteChat(_ id: String, in scope: ChatScope) async throws(AtelierError)
}
