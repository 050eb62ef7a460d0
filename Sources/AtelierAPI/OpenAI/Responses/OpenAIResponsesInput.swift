import AtelierCore

/// `input`: a text, or items that become the turns a model reads (openai.md 10.2). Whether calls and their outputs belong
/// together is not decided here: either may be in an earlier, stored response.
struct OpenAIResponsesInput {
  private(set) var messages: [Message] = []
  /// Items that bring tools, in order.
  private(set) var additionalTools: [FieldReader] = []
  /// Call ids of the outputs of custom tools.
  private(set) var customOutputs: [String] = []

  private let fields: FieldReader
  private let seal: ReasoningSeal?
  private var content = OpenAIResponsesContent()
  /// The assistant's turn so far: reasoning, texts and calls that follow one another are one.
  private var turn = Message(role: .assistant, content: [])

  /// Without any turn there is an empty one of the user: that is how clients warm up a model.
  static func read(_ fields: FieldReader, seal: ReasoningSeal?) -> OpenAIResponsesInput {
    var input = OpenAIResponsesInput(fields: fields, seal: seal)
    switch fields["input"] {
    case nil: break
    case .string(let text): input.messages = [Message(.user, text)]
    case .array:
      for (place, item) in (fields.array("input", upTo: RequestLimits.messages) ?? []).enumerated()
      where !fields.problems.isFull {
        input.add(item, at: "input.\(place)")
      }
      input.closeTurn()
    case .some(let value):
      let _: Never? = fields.wrongType("input", "string or array of items", value)
    }
    if input.messages.isEmpty { input.messages = [Message(.user, "")] }
    return input
  }

  private init(fields: FieldReader, seal: ReasoningSeal?) {
    self.fields = fields
    self.seal = seal
  }

  private mutating func add(_ item: JSONValue, at path: String) {
    guard let object = item.objectValue else {
      let _: Never? = fields.wrongType(path, "object", item)
      return
    }
    let reader = FieldReader(object, path: path, problems: fields.problems)
    let type = Self.impliedType(object) ?? reader.required("type", reader.string)
    switch type {
    case nil: break
    // Those that name something stored were replaced by it before (`OpenAIResponsesReferences`).
    case "item_reference":
      let _: Never? = reader.wrongValue("id", "names no item of a stored response")
    case "message": addMessage(reader)
    case "reasoning": addReasoning(reader)
    case "function_call", "custom_tool_call", "mcp_call": addCall(reader, type ?? "")
    case "function_call_output", "custom_tool_call_output":
      addOutput(reader, isCustom: type == "custom_tool_call_output")
    case "additional_tools": additionalTools.append(reader)
    // What the hosted API's own tools left in a transcript, and whatever comes to be added to it, says nothing to a model
    // that has no such tools.
    default: break
    }
  }

  /// Messages and references may come without their type.
  static func impliedType(_ item: JSONObject) -> String? {
    guard item["type"] == nil || item["type"] == .null else { return nil }
    return item["role"] != nil ? "message" : item["id"] != nil ? "item_reference" : nil
  }

  private mutating func addMessage(_ item: FieldReader) {
    let roles: KeyValuePairs<String, Message.Role> = [
      "user": .user, "assistant": .assistant, "system": .system, "developer": .system,
    ]
    guard let role = item.required("role", { item.word($0, of: roles) }),
      item.required("content", { item[$0] }) != nil
    else { return }
    let parts = content.read(item, "content", allowsImages: role == .user)
    if role == .assistant {
      turn.content.append(contentsOf: parts, joiningTextWith: "\n")
    } else {
      closeTurn()
      messages.append(Message(role: role, content: parts))
    }
  }

  /// Clients keep what they were given and strip the rest, so nothing of it is required.
  private mutating func addReasoning(_ item: FieldReader) {
    let parts = item["content"]?.arrayValue ?? []
    var text = parts.compactMap { $0["text"]?.stringValue }.joined()
    if text.isEmpty, let sealed = item["encrypted_content"]?.stringValue { text = seal?.open(sealed) ?? "" }
    guard !text.isEmpty else { return }
    turn.reasoning = [turn.reasoning, text].compactMap(\.self).joined(separator: "\n")
  }

  private mutating func addCall(_ item: FieldReader, _ type: String) {
    let id = type == "mcp_call" ? item.string("id") ?? "" : item.required("call_id", item.name)
    let name = item.required("name", item.name)
    let arguments: String?
    if type == "custom_tool_call" {
      arguments = item.required("input", item.string).map(CustomToolInput.arguments)
    } else {
      arguments = self.arguments(item)
    }
    guard let id, let name, let arguments else { return }
    let modelName = ToolForms.modelName(name, namespace: item["namespace"]?.stringValue)
    let call = ToolCall(id: id, name: modelName, arguments: arguments)
    turn.toolCalls.append(call)
    guard type == "mcp_call" else { return }
    closeTurn()
    // A call that failed has an error instead, text or object.
    let output = item["output"]?.stringValue ?? item["error"].map { $0.stringValue ?? $0.serialized() } ?? ""
    messages.append(Message(role: .tool, content: [.text(output)], toolCallID: id, name: name))
  }

  private func arguments(_ item: FieldReader) -> String? {
    switch item["arguments"] {
    case nil, .string(""): "{}"
    case .string(let text): text
    case .some(let value) where value.objectValue != nil: value.serialized()
    case .some(let value): item.wrongType("arguments", "string", value)
    }
  }

  private mutating func addOutput(_ item: FieldReader, isCustom: Bool) {
    guard let id = item.required("call_id", item.name), item.required("output", { item[$0] }) != nil else { return }
    let parts = content.read(item, "output", allowsImages: true)
    closeTurn()
    messages.append(Message(role: .tool, content: parts, toolCallID: id))
    if isCustom { customOutputs.append(id) }
  }

  /// Reasoning that led to nothing is dropped: a turn of the assistant without a word would be an empty one.
  private mutating func closeTurn() {
    if !turn.content.isEmpty || !turn.toolCalls.isEmpty { messages.append(turn) }
    turn = Message(role: .assistant, content: [])
  }
}
