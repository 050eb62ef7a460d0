/// One turn of a chat, in no vendor's words.
package struct Message: Sendable, Hashable, Codable {
  package enum Role: String, Sendable, Hashable, Codable { case system, user, assistant, tool }

  package var role: Role
  package var content: [ContentPart]
  /// An assistant turn's earlier reasoning; shown to templates that use it.
  package var reasoning: String?
  /// An assistant turn's calls, in the order made.
  package var toolCalls: [ToolCall]
  /// On a tool turn: the call it answers.
  package var toolCallID: String?
  package var name: String?

  package init(
    role: Role, content: [ContentPart], reasoning: String? = nil, toolCalls: [ToolCall] = [],
    toolCallID: String? = nil, name: String? = nil
  ) {
    self.role = role
    self.content = content
    self.reasoning = reasoning
    self.toolCalls = toolCalls
    self.toolCallID = toolCallID
    self.name = name
  }

  package init(_ role: Role, _ text: String) { self.init(role: role, content: [.text(text)]) }

  /// The text parts joined by newlines.
  package var text: String {
    content.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined(separator: "\n")
  }
}
