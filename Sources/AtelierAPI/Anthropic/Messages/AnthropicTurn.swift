import AtelierCore

/// One wire message, its blocks sorted by what becomes of them.
struct AnthropicTurn {
  enum Role { case user, assistant, system }

  struct ToolResult {
    var callID: String
    var content: [ContentPart]
  }

  var role: Role
  var content: [ContentPart] = []
  var reasoning = ""
  var calls: [ToolCall] = []
  var results: [ToolResult] = []

  var isEmpty: Bool { content.isEmpty && reasoning.isEmpty && calls.isEmpty && results.isEmpty }

  /// Takes in the next message of the same role.
  mutating func merge(_ next: AnthropicTurn) {
    content.append(contentsOf: next.content, joiningTextWith: "\n\n")
    reasoning += next.reasoning
    calls += next.calls
    results += next.results
  }
}
