/// A stored chat as lists show it. Every branch is a chat of its own.
package struct ChatSummary: Sendable, Hashable {
  /// The response id that continues it.
  package var id: String
  /// Milliseconds since 1970, each: of the first turn and of the last.
  package var createdAt: Int64
  package var updatedAt: Int64
  package var modelKey: String
  package var turns: Int
  /// Start of the first user message, at most 80 characters, on one line.
  package var title: String

  package init(id: String, createdAt: Int64, updatedAt: Int64, modelKey: String, turns: Int, title: String) {
    self.id = id
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.modelKey = modelKey
    self.turns = turns
    self.title = title
  }
}
