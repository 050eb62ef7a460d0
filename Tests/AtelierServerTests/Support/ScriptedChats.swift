import AtelierCore
import AtelierRuntime

/// One stored chat, `resp_1`, of one turn.
struct ScriptedChats: ChatManaging {
  func chats(in scope: ChatScope, limit: Int) async throws(AtelierError) -> [ChatSummary] {
    [
      ChatSummary(
        id: "resp_1", createdAt: 0, updatedAt: 1_767_225_600_123, modelKey: "acme/tiny", turns: 1, title: "Hello there")
    ]
  }

  func chat(_ id: String, in scope: ChatScope) async throws(AtelierError) -> [ChatTurn] {
    try check(id)
    let input = [Message(.user, "Hello there")]
    return [
      ChatTurn(
        id: id, createdAt: 1_767_225_600_123, modelKey: "acme/tiny", systemPrompt: "Be kind.", input: input,
        output: [.reasoning("Hm."), .message("Hi.")],
        messages: input + [Message(role: .assistant, content: [.text("Hi.")], reasoning: "Hm.")],
        finishReason: .endOfText, usage: GenerationUsage(inputTokens: 3, outputTokens: 2, reasoningTokens: 1),
        timings: GenerationTimings(timeToFirstToken: 0.5, generation: 1))
    ]
  }

  func deleteChat(_ id: String, in scope: ChatScope) async throws(AtelierError) { try check(id) }

  private func check(_ id: String) throws(AtelierError) {
    guard id == "resp_1" else { throw AtelierError(.responseNotFound, "There is no stored chat '\(id)'.") }
  }
}
