import AtelierCore
import AtelierStore

/// Stored turns as the messages a model reads.
enum HistoryRenderer {
  /// The turns' messages in order, without any system prompt. Rounds of tool calls become an assistant message with calls
  /// and a tool message for each result.
  static func messages(_ nodes: [ConversationNode]) -> [Message] {
    nodes.flatMap { $0.input + messages($0.output) }
  }

  private static func messages(_ output: [OutputItem]) -> [Message] {
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
      calls.append(call)
      if let result {
        results.append(
          Message(role: .tool, content: [.text(result)], toolCallID: call.id, name: call.name))
      }
    }

    for item in output {
      switch item {
      case .reasoning(let words):
        if !calls.isEmpty { closeRound() }
        reasoning = (reasoning ?? "") + words
      case .message(let words):
        if !calls.isEmpty { closeRound() }
        text.append(words)
      case .toolCall(let call): add(call, result: nil)
      case .executedToolCall(let call, _, let output): add(call, result: output)
      case .invalidToolCall(let invalid):
        let call = ToolCall(
          id: "invalid_\(calls.count)", name: invalid.toolName, arguments: invalid.arguments ?? "{}")
        add(call, result: invalid.reason)
      }
    }
    closeRound()
    return messages
  }
}
