import AtelierCore
import Foundation

/// A stored response as it is fetched again: `GET /v1/responses/{id}` and what lies below it.
package struct OpenAIStoredResponse: Sendable {
  private let turn: StoredTurn
  private let record: OpenAIResponsesRecord
  private let context: OpenAIResponses.Context

  package init(_ turn: StoredTurn, seal: ReasoningSeal?) {
    self.turn = turn
    record = OpenAIResponsesRecord(of: turn)
    context = OpenAIResponses.Context(
      isStreaming: false, model: record.model, settings: record.settings, forms: record.forms,
      sealsReasoning: record.sealsReasoning,
      stamp: ResponseStamp(created: record.created, token: "", responseID: turn.id, seal: seal))
  }

  package func body() -> JSONValue {
    let instance = InstanceSelection(
      instanceID: turn.modelKey, modelKey: turn.modelKey, architecture: nil, quantization: nil, contextLength: 0)
    return OpenAIResponsesObject.whole(
      Answer(
        result: GenerationResult(
          instance: instance, output: turn.output, finishReason: turn.finishReason, usage: turn.usage,
          responseID: turn.id, completedAt: turn.completedAt)),
      in: context)
  }

  /// `DELETE /v1/responses/{id}`.
  package static func deleted(_ id: String) -> JSONValue {
    ["id": .string(id), "object": "response", "deleted": true]
  }

  // MARK: Input items

  /// `GET /v1/responses/{id}/input_items`: what this request brought, without what it continued. Throws `invalidValue`
  /// for an `after` that is none of the items.
  package func inputItems(_ page: OpenAIPage) throws(AtelierError) -> JSONValue {
    try page.list(inputItems())
  }

  private func inputItems() -> [JSONValue] {
    let items = context.items
    var list: [JSONValue] = []
    for message in turn.input {
      switch message.role {
      case .user, .system:
        list.append([
          "id": .string(items.id("msg", list.count, isInput: true)), "type": "message", "status": "completed",
          "role": .string(message.role.rawValue), "content": .array(message.content.map(Self.part)),
        ])
      case .assistant:
        if let reasoning = message.reasoning, !reasoning.isEmpty {
          list.append(items.reasoning(reasoning, list.count, .completed, isInput: true))
        }
        if !message.content.isEmpty {
          list.append(
            items.message(
              content: [.object(OpenAIResponsesItems.textPart(message.text))], list.count, .completed, isInput: true))
        }
        for call in message.toolCalls {
          let form = record.forms[call.name]
          let arguments = form.isCustom ? CustomToolInput.text(of: call.arguments) : call.arguments
          list.append(items.call(call.id, form, arguments: arguments, list.count, .completed, isInput: true))
        }
      case .tool:
        let id = message.toolCallID ?? ""
        let isCustom = record.customOutputs.contains(id)
        let hasText = message.content.allSatisfy { if case .text = $0 { true } else { false } }
        list.append([
          "id": .string(items.id(isCustom ? "ctco" : "fco", list.count, isInput: true)),
          "type": isCustom ? "custom_tool_call_output" : "function_call_output", "status": "completed",
          "call_id": .string(id),
          "output": hasText ? .string(message.text) : .array(message.content.map(Self.part)),
        ])
      }
    }
    return list
  }

  private static func part(_ part: ContentPart) -> JSONValue {
    switch part {
    case .text(let text): ["type": "input_text", "text": .string(text)]
    case .image(let image):
      [
        "type": "input_image", "detail": "auto",
        "image_url": .string("data:image/\(image.format.rawValue);base64,\(image.bytes.base64EncodedString())"),
      ]
    }
  }

  /// The item of that id, of the output or the input.
  func item(_ id: String) -> JSONValue? {
    (body()["output"]?.arrayValue ?? []).first { $0["id"]?.stringValue == id }
      ?? inputItems().first { $0["id"]?.stringValue == id }
  }
}
