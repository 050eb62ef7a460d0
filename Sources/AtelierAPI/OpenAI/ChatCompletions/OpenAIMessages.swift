import AtelierCore

/// `messages` (openai.md 7.2), and the part of their normalisation that needs no template (7.3, second step).
struct OpenAIMessages {
  private let fields: FieldReader
  private var messages: [Message] = []
  private var images = 0
  /// Calls no tool message has answered yet, oldest first.
  private var unanswered: [ToolCall] = []

  /// The messages, or nil after reporting what is wrong.
  static func read(_ fields: FieldReader) -> [Message]? {
    guard let items = fields.required("messages", { fields.array($0, upTo: RequestLimits.messages) }) else {
      return nil
    }
    guard !items.isEmpty else { return fields.wrongValue("messages", "must not be empty") }
    var reader = OpenAIMessages(fields: fields)
    for (place, item) in items.enumerated() where !fields.problems.isFull {
      let path = "messages.\(place)"
      guard let object = item.objectValue else {
        let _: Never? = fields.wrongType(path, "object", item)
        continue
      }
      reader.add(FieldReader(object, path: path, problems: fields.problems), place)
    }
    return joinLeadingSystemMessages(reader.messages)
  }

  private init(fields: FieldReader) { self.fields = fields }

  /// Several system messages before the first other one are one.
  private static func joinLeadingSystemMessages(_ messages: [Message]) -> [Message] {
    let leading = messages.prefix { $0.role == .system }
    guard leading.count > 1 else { return messages }
    var joined = Message(.system, leading.map(\.text).joined(separator: "\n\n"))
    joined.name = leading.first?.name
    return [joined] + messages.dropFirst(leading.count)
  }

  private mutating func add(_ item: FieldReader, _ place: Int) {
    guard let role = item.required("role", item.string) else { return }
    switch role {
    case "system", "developer": append(.system, item, allowsImages: false)
    case "user": append(.user, item, allowsImages: true)
    case "assistant": appendAssistant(item, place)
    case "tool": appendToolResult(item, callID: item.string("tool_call_id"), name: item.string("name"))
    case "function":
      let name = item.required("name", item.name)
      appendToolResult(item, callID: unanswered.first { $0.name == name }?.id, name: name)
    default:
      let _: Never? = item.wrongValue(
        "role", "must be one of 'system', 'developer', 'user', 'assistant', 'tool', 'function'")
    }
  }

  private mutating func append(_ role: Message.Role, _ item: FieldReader, allowsImages: Bool) {
    guard item.required("content", { item[$0] }) != nil else { return }
    messages.append(
      Message(role: role, content: content(item, allowsImages: allowsImages), name: item["name"]?.stringValue))
  }

  private mutating func appendToolResult(_ item: FieldReader, callID: String?, name: String?) {
    // LM Studio's own documentation shows a tool message without an id.
    let id = callID ?? (name == nil ? unanswered.first?.id : nil)
    if let id, let place = unanswered.firstIndex(where: { $0.id == id }) { unanswered.remove(at: place) }
    messages.append(
      Message(role: .tool, content: content(item, allowsImages: true), toolCallID: id, name: name))
  }

  private mutating func appendAssistant(_ item: FieldReader, _ place: Int) {
    let calls = toolCalls(item, place)
    var content = content(item, allowsImages: false)
    if content.isEmpty, let refusal = item["refusal"]?.stringValue { content = [.text(refusal)] }
    guard !content.isEmpty || !calls.isEmpty || item.has("content") else {
      item.problems.add(
        .missingRequiredParameter, "'\(item.path).content' is required unless the message has tool calls",
        param: item.path(of: "content"))
      return
    }
    let reasoning = item["reasoning_content"]?.stringValue ?? item["reasoning"]?.stringValue
    unanswered += calls
    messages.append(
      Message(
        role: .assistant, content: content, reasoning: reasoning, toolCalls: calls, name: item["name"]?.stringValue))
  }

  // MARK: Calls

  private func toolCalls(_ item: FieldReader, _ place: Int) -> [ToolCall] {
    if let calls = item.array("tool_calls", upTo: RequestLimits.tools), !calls.isEmpty {
      return calls.enumerated().compactMap { index, call in
        let path = item.path(of: "tool_calls.\(index)")
        guard let object = call.objectValue else { return item.wrongType("tool_calls.\(index)", "object", call) }
        let reader = FieldReader(object, path: path, problems: item.problems)
        if let type = reader.string("type"), type != "function" {
          return reader.wrongValue("type", "must be 'function'")
        }
        guard let function = reader.required("function", reader.reader) else { return nil }
        return self.call(function, id: reader.string("id") ?? "call_\(place)_\(index)")
      }
    }
    guard let function = item.reader("function_call") else { return [] }
    return [call(function, id: "call_\(place)_0")].compactMap(\.self)
  }

  private func call(_ function: FieldReader, id: String) -> ToolCall? {
    let arguments: String
    switch function["arguments"] {
    case nil, .string(""): arguments = "{}"
    case .string(let text): arguments = text
    case .some(let value) where value.objectValue != nil: arguments = value.serialized()
    case .some(let value): return function.wrongType("arguments", "string", value)
    }
    return function.required("name", function.name).map { ToolCall(id: id, name: $0, arguments: arguments) }
  }

  // MARK: Content

  /// Adjacent texts become one, joined by a newline.
  private mutating func content(_ item: FieldReader, allowsImages: Bool) -> [ContentPart] {
    switch item["content"] {
    case nil: return []
    case .string(let text): return [.text(text)]
    case .array(let parts):
      var content: [ContentPart] = []
      for (place, part) in parts.enumerated() where !item.problems.isFull {
        guard let object = part.objectValue else {
          let _: Never? = item.wrongType("content.\(place)", "object", part)
          continue
        }
        let reader = FieldReader(object, path: item.path(of: "content.\(place)"), problems: item.problems)
        guard let next = self.part(reader, allowsImages: allowsImages) else { continue }
        content.append(next, joiningTextWith: "\n")
      }
      return content
    case .some(let value):
      let _: Never? = item.wrongType("content", "string or array of parts", value)
      return []
    }
  }

  private mutating func part(_ part: FieldReader, allowsImages: Bool) -> ContentPart? {
    guard let type = part.required("type", part.string) else { return nil }
    switch type {
    case "text": return part.required("text", part.string).map(ContentPart.text)
    case "refusal": return part.required("refusal", part.string).map(ContentPart.text)
    case "image_url" where allowsImages: return image(part)
    case "image_url": return part.wrongValue("type", "must be 'text' in a message of this role")
    default: return part.wrongValue("type", "must be 'text' or 'image_url'")
    }
  }

  private mutating func image(_ part: FieldReader) -> ContentPart? {
    images += 1
    guard images <= RequestLimits.images else {
      return fields.wrongValue("messages", "must have at most \(RequestLimits.images) images")
    }
    let url: String?
    if case .string(let text) = part["image_url"] {
      url = text
    } else {
      let object = part.required("image_url", part.reader)
      url = object?.required("url") { object?.string($0) }
    }
    guard let url else { return nil }
    return OpenAIImage.read(url, of: part)
  }
}
