import AtelierCore

/// Calls as text, for models whose chat template knows nothing of tools (openai.md 7.4, "Default"): what the model is told,
/// how it writes a call, how earlier calls and their results are shown to it.
///
///     <tool_call>
///     {"name": "get_time", "arguments": {"zone": "UTC"}}
///     </tool_call>
package enum CallMarkup {
  package static let start = "<tool_call>"
  package static let end = "</tool_call>"

  /// What comes before a call's arguments.
  static func head(name: String) -> String {
    "\(start)\n{\"name\": \(JSONValue.string(name).serialized()), \"arguments\": "
  }

  /// What comes after them.
  static let tail = "}\n\(end)"

  /// The chat without tool messages and calls, which the template could not render: calls become text of the turn that made
  /// them, results a user turn. With tools, the system message tells of them.
  package static func rewriting(_ messages: [Message], offering tools: [ToolDefinition]) -> [Message] {
    var result: [Message] = []
    var isAnswering = false
    for message in messages {
      if message.role == .tool {
        let text = response(message)
        if isAnswering, let last = result.popLast() {
          result.append(joined(last, text))
        } else {
          result.append(Message(role: .user, content: [.text(text)] + images(of: message)))
        }
        isAnswering = true
        continue
      }
      isAnswering = false
      guard !message.toolCalls.isEmpty else {
        result.append(message)
        continue
      }
      let calls = message.toolCalls.map { head(name: $0.name) + arguments($0) + tail }
      let texts = ([message.text] + calls).filter { !$0.isEmpty }
      var turn = message
      turn.toolCalls = []
      turn.content = [.text(texts.joined(separator: "\n"))]
      result.append(turn)
    }
    guard !tools.isEmpty else { return result }
    if result.first?.role == .system {
      result[0] = joined(result[0], "\n" + instructions(tools))
    } else {
      result.insert(Message(.system, instructions(tools)), at: 0)
    }
    return result
  }

  private static func joined(_ message: Message, _ text: String) -> Message {
    var message = message
    message.content = message.content + [.text(text)]
    return message
  }

  private static func images(of message: Message) -> [ContentPart] {
    message.content.filter { if case .image = $0 { true } else { false } }
  }

  private static func response(_ message: Message) -> String {
    let name = message.name.map { " name=\(JSONValue.string($0).serialized())" } ?? ""
    return "<tool_response\(name)>\n\(message.text)\n</tool_response>"
  }

  private static func arguments(_ call: ToolCall) -> String {
    guard let value = try? JSONValue(parsing: call.arguments) else {
      return JSONValue.object(["_raw": .string(call.arguments)]).serialized()
    }
    return value.serialized()
  }

  private static func instructions(_ tools: [ToolDefinition]) -> String {
    let lines = tools.map { tool in
      let parameters = tool.parametersJSON.flatMap { try? JSONValue(parsing: $0) }
      var function: JSONObject = ["name": .string(tool.name)]
      if let description = tool.description { function["description"] = .string(description) }
      function["parameters"] = parameters ?? ["type": "object", "properties": [:]]
      return JSONValue.object(function).serialized()
    }
    return """
      You can call these functions, one JSON description a line:
      \(lines.joined(separator: "\n"))

      To call a function, write its name and arguments in this form, and nothing after it:
      \(start)
      {"name": "function name", "arguments": {"argument": "value"}}
      \(end)
      The results come in the next message. If no function is needed, answer directly.
      """
  }
}
