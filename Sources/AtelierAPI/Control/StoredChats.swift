import AtelierCore
import Foundation

/// `GET /atelier/chats`, `GET` and `DELETE /atelier/chats/{id}`: stored chats, which no documented API lists.
package enum StoredChats {
  package static func list(_ chats: [ChatSummary]) -> JSONValue {
    [
      "chats": .array(
        chats.map { chat in
          [
            "id": .string(chat.id), "created_at": Timestamp.value(milliseconds: chat.createdAt),
            "updated_at": Timestamp.value(milliseconds: chat.updatedAt), "model": .string(chat.modelKey),
            "turns": .count(chat.turns), "title": .string(chat.title),
          ]
        })
    ]
  }

  package static func deleted(_ id: String) -> JSONValue { ["id": .string(id), "deleted": true] }

  /// The whole conversation: as messages, and turn by turn with what each of them cost.
  package static func export(_ id: String, _ turns: [ChatTurn]) -> JSONValue {
    var messages = turns.flatMap(\.messages).map(message)
    if let system = turns.last?.systemPrompt { messages.insert(["role": "system", "content": .string(system)], at: 0) }
    return ["id": .string(id), "messages": .array(messages), "turns": .array(turns.map(turn))]
  }

  private static func turn(_ turn: ChatTurn) -> JSONValue {
    var object: JSONObject = [
      "id": .string(turn.id), "created_at": Timestamp.value(milliseconds: turn.createdAt),
      "model": .string(turn.modelKey),
    ]
    if let system = turn.systemPrompt { object["system_prompt"] = .string(system) }
    let result = GenerationResult(
      output: turn.output, finishReason: turn.finishReason, usage: turn.usage, timings: turn.timings)
    let answer = LMStudioV1ChatResult.body(of: result, instanceID: nil, failed: false)
    object["input"] = .array(turn.input.map(message))
    object["output"] = answer["output"]
    object["finish_reason"] = .string(turn.finishReason.rawValue)
    object["stats"] = answer["stats"]
    return .object(object)
  }

  private static func message(_ message: Message) -> JSONValue {
    var object: JSONObject = ["role": .string(message.role.rawValue), "content": content(message.content)]
    if let reasoning = message.reasoning { object["reasoning"] = .string(reasoning) }
    if !message.toolCalls.isEmpty {
      object["tool_calls"] = .array(
        message.toolCalls.map { call in
          ["id": .string(call.id), "name": .string(call.name), "arguments": .object(text: call.arguments)]
        })
    }
    if let id = message.toolCallID { object["tool_call_id"] = .string(id) }
    if let name = message.name { object["name"] = .string(name) }
    return .object(object)
  }

  /// A string, or the items of `input` (native.md 4.2) when there are images.
  private static func content(_ parts: [ContentPart]) -> JSONValue {
    let texts = parts.compactMap { if case .text(let text) = $0 { text } else { nil } }
    if texts.count == parts.count { return .string(texts.joined(separator: "\n")) }
    return .array(
      parts.map { part in
        switch part {
        case .text(let text): ["type": "text", "content": .string(text)]
        case .image(let image):
          [
            "type": "image",
            "data_url": .string("data:image/\(image.format.rawValue);base64,\(image.bytes.base64EncodedString())"),
          ]
        }
      })
  }
}
