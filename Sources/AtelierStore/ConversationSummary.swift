/// A stored chat as a list shows it: one line per leaf, since every leaf is one conversation from its root.
package struct ConversationSummary: Sendable, Hashable {
  /// The leaf's id: what continues the chat.
  package var id: String
  package var modelKey: String
  /// Milliseconds since 1970: of the leaf, and of the root.
  package var createdAt: Int64
  package var startedAt: Int64
  /// Turns from root to leaf.
  package var turns: Int
  /// Start of the first user message, at most 80 characters, on one line.
  package var title: String

  package init(id: String, modelKey: String, createdAt: Int64, startedAt: Int64, turns: Int, title: String) {
    self.id = id
    self.modelKey = modelKey
    self.createdAt = createdAt
    self.startedAt = startedAt
    self.turns = turns
    self.title = title
  }
}
