import AtelierCore
import AtelierStore

/// Listing, export and deletion of what is stored.
package struct ChatLibrary: ChatManaging {
  private let store: ConversationStore

  package init(store: ConversationStore) { self.store = store }

  package func chats(in scope: ChatScope, limit: Int) async throws(AtelierError) -> [ChatSummary] {
    try await store.list(scope: scope, limit: limit)
  }

  package func chat(_ id: String, in scope: ChatScope) async throws(AtelierError) -> [ChatTurn] {
    do throws(AtelierError) {
      return try await store.history(of: id, scope: scope).map { node in
        ChatTurn(
          id: node.id, createdAt: node.createdAt, modelKey: node.modelKey, systemPrompt: node.systemPrompt,
          input: node.input, output: node.output, messages: HistoryRenderer.messages([node]),
          finishReason: node.finishReason, usage: node.usage, timings: node.timings)
      }
    } catch {
      throw Self.named(error, id)
    }
  }

  package func deleteChat(_ id: String, in scope: ChatScope) async throws(AtelierError) {
    do throws(AtelierError) {
      try await store.deleteChat(id, scope: scope)
    } catch {
      throw Self.named(error, id)
    }
  }

  private static func named(_ error: AtelierError, _ id: String) -> AtelierError {
    guard error.code == .previousResponseNotFound else { return error }
    return AtelierError(.responseNotFound, "There is no stored chat '\(id.prefix(80))'.")
  }
}
