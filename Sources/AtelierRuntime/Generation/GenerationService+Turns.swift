import AtelierCore
import AtelierStore

extension GenerationService: StoredTurns {
  package func turn(_ id: String, of caller: Caller) async throws(AtelierError) -> StoredTurn {
    guard let node = try await store.node(id, scope: caller.ownChats) else { throw Self.responseNotFound(id) }
    return StoredTurn(
      id: node.id, previousID: node.parent, input: node.input, systemPrompt: node.systemPrompt, output: node.output,
      modelKey: node.modelKey, completedAt: node.createdAt, finishReason: node.finishReason, usage: node.usage,
      record: node.record)
  }

  package func forget(_ id: String, of caller: Caller) async throws(AtelierError) {
    guard try await store.forget(id, scope: caller.ownChats) else { throw Self.responseNotFound(id) }
  }

  private static func responseNotFound(_ id: String) -> AtelierError {
    AtelierError(.responseNotFound, "Response with id '\(id.prefix(80))' not found.")
  }
}
