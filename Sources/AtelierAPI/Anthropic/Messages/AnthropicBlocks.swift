import AtelierCore

/// Reads the content blocks of messages (anthropic.md 4.4).
struct AnthropicBlocks {
  private static let imageFormats: Set<ImageData.Format> = [.png, .jpeg, .webp, .gif]

  private var images = 0

  init() {}

  /// `content` of one message: a string or blocks.
  mutating func read(_ message: FieldReader, into turn: inout AnthropicTurn) {
    switch message["content"] {
    case nil: let _: Never? = message.required("content") { _ in nil }
    case .string(let text): if !text.isEmpty { turn.content = [.text(text)] }
    case .array(let blocks):
      for (place, block) in blocks.enumerated() where !message.problems.isFull {
        guard let reader = Self.reader(block, "content.\(place)", in: message) else { continue }
        add(reader, to: &turn)
      }
    case .some(let value): let _: Never? = message.wrongType("content", "string or array of blocks", value)
    }
  }

  private static func reader(_ block: JSONValue, _ key: String, in parent: FieldReader) -> FieldReader? {
    guard let object = block.objectValue else { return parent.wrongType(key, "object", block) }
    return FieldReader(object, path: parent.path(of: key), problems: parent.problems)
  }

  /// Blocks of kinds that this server does not know are left out: transcripts begun on the hosted API carry them.
  private mutating func add(_ block: FieldReader, to turn: inout AnthropicTurn) {
    guard let type = block.required("type", block.string) else { return }
    switch (type, turn.role) {
    case ("text", _), ("image", .user), ("document", .user), ("search_result", .user):
      turn.content.append(contentsOf: content(block, type), joiningTextWith: "\n")
    case ("tool_use", .assistant): if let call = call(block) { turn.calls.append(call) }
    case ("thinking", .assistant): turn.reasoning += block.string("thinking") ?? ""
    case ("tool_result", .user): if let result = result(block) { turn.results.append(result) }
    case ("image", _), ("document", _), ("search_result", _), ("tool_use", _), ("thinking", _), ("tool_result", _):
      let _: Never? = block.wrongValue("type", "'\(type)' is not allowed in a message of this role")
    default: break
    }
  }

  /// What a text, image, document or search result block shows the model; empty for others.
  private mutating func content(_ block: FieldReader, _ type: String) -> [ContentPart] {
    switch type {
    case "text":
      guard let text = block.required("text", block.string), !text.isEmpty else { return [] }
      return [.text(text)]
    case "image": return image(block).map { [.image($0)] } ?? []
    case "document": return document(block)
    case "search_result":
      let lines = [block.string("title"), block.string("source")].compactMap(\.self)
      return Self.headed(lines, parts(block, "content"))
    default: return []
    }
  }

  /// A string or blocks inside another block.
  private mutating func parts(_ block: FieldReader, _ key: String) -> [ContentPart] {
    switch block[key] {
    case nil, .string(""): return []
    case .string(let text): return [.text(text)]
    case .array(let items):
      var parts: [ContentPart] = []
      for (place, item) in items.enumerated() where !block.problems.isFull {
        guard let reader = Self.reader(item, "\(key).\(place)", in: block),
          let type = reader.required("type", reader.string)
        else { continue }
        if type == "tool_reference" {
          parts.append(contentsOf: reader.string("tool_name").map { [.text($0)] } ?? [], joiningTextWith: "\n")
        } else {
          parts.append(contentsOf: content(reader, type), joiningTextWith: "\n")
        }
      }
      return parts
    case .some(let value):
      let _: Never? = block.wrongType(key, "string or array of blocks", value)
      return []
    }
  }

  private static func headed(_ lines: [String], _ parts: [ContentPart]) -> [ContentPart] {
    var all: [ContentPart] = []
    all.append(contentsOf: lines.filter { !$0.isEmpty }.map(ContentPart.text) + parts, joiningTextWith: "\n")
    return all
  }

  private mutating func document(_ block: FieldReader) -> [ContentPart] {
    guard let source = block.required("source", block.reader) else { return [] }
    let content: [ContentPart]
    switch source.required("type", source.string) {
    case nil: return []
    case "text": content = parts(source, "data")
    case "content": content = parts(source, "content")
    default:
      let _: Never? = source.wrongValue("type", "must be 'text' or 'content': PDF and uploaded files are not read here")
      return []
    }
    return Self.headed([block.string("title"), block.string("context")].compactMap(\.self), content)
  }

  private mutating func image(_ block: FieldReader) -> ImageData? {
    images += 1
    guard images <= RequestLimits.images else {
      block.problems.add(
        .invalidValue, "messages: must have at most \(RequestLimits.images) images", param: "messages")
      return nil
    }
    guard let source = block.required("source", block.reader), let type = source.required("type", source.string) else {
      return nil
    }
    do throws(DataURL.Failure) {
      switch type {
      case "base64":
        guard let data = source.required("data", source.string) else { return nil }
        return try DataURL.image(base64: data[...], formats: Self.imageFormats)
      case "url":
        guard let url = source.required("url", source.string) else { return nil }
        return try DataURL.image(url, formats: Self.imageFormats)
      default: return source.wrongValue("type", "must be 'base64'")
      }
    } catch {
      switch error {
      case .notInline:
        block.problems.add(
          .imageURLUnsupported,
          "\(source.path): images are not fetched by this server; send the image itself as base64", param: source.path)
      case .invalid(let rule):
        block.problems.add(.invalidImage, "\(source.path): \(rule)", param: source.path)
      }
      return nil
    }
  }

  private func call(_ block: FieldReader) -> ToolCall? {
    guard let id = block.required("id", block.name), let name = block.required("name", block.name) else { return nil }
    guard block.has("input") else { return ToolCall(id: id, name: name, arguments: "{}") }
    return block.object("input").map {
      ToolCall(id: id, name: name, arguments: JSONValue.object($0).serialized())
    }
  }

  private mutating func result(_ block: FieldReader) -> AnthropicTurn.ToolResult? {
    guard let id = block.required("tool_use_id", block.name) else { return nil }
    var content = parts(block, "content")
    // Templates have no flag for it.
    if block.boolean("is_error") == true {
      if case .text(let text) = content.first {
        content[0] = .text("Error: " + text)
      } else {
        content.insert(.text("Error: "), at: 0)
      }
    }
    return AnthropicTurn.ToolResult(callID: id, content: content)
  }
}
