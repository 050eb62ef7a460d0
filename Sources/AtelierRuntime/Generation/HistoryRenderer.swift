import AtelierCore
import AtelierStore

/// Stored turns as the messages a model reads.
enum HistoryRenderer {
  /// The turns' messages in order, without any system prompt. Rounds of tool calls become an assistant message with calls
  /// and a tool message for each result.
  static func messages(_ nodes: [ConversationNode]) -> [Message] {
    nodes.flatMap { $0.input + messages($0.output, rounds: $0.rounds) }
  }

  /// One answer. `rounds`: where each further round of its tool loop begins; without them, text behind a call begins one.
  /// The loop itself writes its next prompt with this, so a chat that is continued begins as the loop's prompts did.
  static func messages(_ output: [OutputItem], rounds: [Int]) -> [Message] {
    guard !rounds.isEmpty else { return messages(output, isOneRound: false) }
    let edges = [0] + rounds + [output.count]
    return zip(edges, edges.dropFirst()).flatMap { start, end in
      start < end ? messages(Array(output[start..<end]), isOneRound: true) : []
    }
  }

  private static func messages(_ output: [OutputItem], isOneRound: Bool) -> [Message] {
    var messages: [Message] = []
    var text: [String] = []
    var reasoning: String?
    var calls: [ToolCall] = []
    var results: [Message] = []

    func closeRound() {
      guard !text.isEmpty || reasoning != nil || !calls.isEmpty else { return }
      messages.append(
        Message(
          role: .assistant, content: text.isEmpty ? [] : [.text(text.joined())], reasoning: reasoning,
          toolCalls: calls))
      messages += results
      text = []
      reasoning = nil
      calls = []
      results = []
    }

    func add(_ call: ToolCall, result: String?) {
      let shown = ToolCall(id: call.id, name: call.shownName ?? call.name, arguments: call.arguments)
      calls.append(shown)
      if let result {
        results.append(
          Message(role: .tool, content: [.text(result)], toolCallID: shown.id, name: shown.name))
      }
    }

    for item in output {
      switch item {
      case .reasoning(let words):
        if !calls.isEmpty, !isOneRound { closeRound() }
        reasoning = (reasoning ?? "") + words
      case .message(let words):
        if !calls.isEmpty, !isOneRound { closeRound() }
        text.append(words)
      case .toolCall(let call): add(call, result: nil)
      case .executedToolCall(let call, _, let output, _): add(call, result: ToolResultText.forModel(output))
      case .invalidToolCall(let invalid):
        let call = ToolCall(
          id: "invalid_\(calls.count)", name: invalid.shownName ?? invalid.toolName,
          arguments: invalid.arguments ?? "{}")
        add(call, result: invalid.reason)
      case .toolListing: break
      }
    }
    closeRound()
    return messages
  }
}
