import AtelierCore

/// `system` and `messages` as the turns a model reads (anthropic.md 4): results directly after the calls they answer, and
/// every call with its result, because templates take anything else for a mistake.
struct AnthropicConversation {
  private var messages: [Message]
  /// Calls of the last assistant turn that have no result yet.
  private var unanswered: [ToolCall] = []
  /// System messages that arrived between calls and their results.
  private var held: [Message] = []

  /// The messages, or nil after reporting what is wrong.
  static func read(_ fields: FieldReader) -> [Message]? {
    let system = AnthropicSystem.read(fields)
    guard let items = fields.required("messages", { fields.array($0, upTo: RequestLimits.messages) }) else {
      return nil
    }
    guard !items.isEmpty else { return fields.wrongValue("messages", "at least one message is required") }
    var conversation = AnthropicConversation(system: system)
    let turns = turns(items, fields)
    guard fields.problems.isEmpty else { return nil }
    for turn in merged(turns) { conversation.add(turn) }
    guard conversation.unanswered.isEmpty else {
      return fields.wrongValue("messages", "must not end with a tool_use: its tool_result is missing")
    }
    guard conversation.messages.contains(where: { $0.role != .system }) else {
      return fields.wrongValue("messages", "must have some content")
    }
    return conversation.messages
  }

  private init(system: [String]) {
    messages = system.isEmpty ? [] : [Message(.system, system.joined(separator: "\n\n"))]
  }

  // MARK: Reading

  private static func turns(_ items: [JSONValue], _ fields: FieldReader) -> [AnthropicTurn] {
    var blocks = AnthropicBlocks()
    var turns: [AnthropicTurn] = []
    for (place, item) in items.enumerated() where !fields.problems.isFull {
      guard let object = item.objectValue else {
        let _: Never? = fields.wrongType("messages.\(place)", "object", item)
        continue
      }
      let reader = FieldReader(object, path: "messages.\(place)", problems: fields.problems)
      let roles: KeyValuePairs<String, AnthropicTurn.Role> = [
        "user": .user, "assistant": .assistant, "system": .system,
      ]
      guard let role = reader.required("role", { reader.word($0, of: roles) }) else { continue }
      var turn = AnthropicTurn(role: role)
      blocks.read(reader, into: &turn)
      turns.append(turn)
    }
    return turns
  }

  /// Messages of one role in a row are one.
  private static func merged(_ turns: [AnthropicTurn]) -> [AnthropicTurn] {
    turns.reduce(into: []) { merged, turn in
      guard !turn.isEmpty else { return }
      if merged.last?.role == turn.role { merged[merged.count - 1].merge(turn) } else { merged.append(turn) }
    }
  }

  // MARK: Ordering

  private mutating func add(_ turn: AnthropicTurn) {
    switch turn.role {
    case .system: addSystem(turn)
    case .assistant:
      answerTheRest()
      unanswered = turn.calls
      messages.append(
        Message(
          role: .assistant, content: turn.content, reasoning: turn.reasoning.isEmpty ? nil : turn.reasoning,
          toolCalls: turn.calls))
    case .user:
      let strays = answer(turn.results)
      answerTheRest()
      var content = strays
      content.append(contentsOf: turn.content, joiningTextWith: "\n\n")
      if !content.isEmpty { messages.append(Message(role: .user, content: content)) }
    }
  }

  private mutating func addSystem(_ turn: AnthropicTurn) {
    var message = Message(role: .system, content: turn.content)
    if !unanswered.isEmpty {
      held.append(message)
    } else if messages.count == 1, messages[0].role == .system {
      // Before the first turn it belongs to the system prompt.
      message.content = [.text(messages[0].text + "\n\n" + message.text)]
      messages[0] = message
    } else {
      messages.append(message)
    }
  }

  /// Appends the results of open calls, in the order given. Agents shorten their histories and cut such pairs apart, so
  /// other results are returned as something for the user to say.
  private mutating func answer(_ results: [AnthropicTurn.ToolResult]) -> [ContentPart] {
    var strays: [ContentPart] = []
    for result in results {
      if let place = unanswered.firstIndex(where: { $0.id == result.callID }) {
        let call = unanswered.remove(at: place)
        messages.append(
          Message(role: .tool, content: result.content, toolCallID: call.id, name: call.name))
      } else {
        var stray: [ContentPart] = [.text("Tool result (\(FieldReader.shortened(result.callID))):")]
        stray.append(contentsOf: result.content, joiningTextWith: " ")
        strays.append(contentsOf: stray, joiningTextWith: "\n\n")
      }
    }
    return strays
  }

  /// Calls whose results were cut away.
  private mutating func answerTheRest() {
    for call in unanswered {
      messages.append(
        Message(role: .tool, content: [.text("(no output)")], toolCallID: call.id, name: call.name))
    }
    unanswered = []
    messages += held
    held = []
  }
}
