import AtelierCore

/// The answer to `tools/call`.
package struct MCPToolResult: Sendable, Hashable {
  /// Content blocks: text, image, audio, resource, resource link.
  package var content: [JSONValue]
  package var structured: JSONValue?
  package var isError: Bool

  package init(content: [JSONValue], structured: JSONValue? = nil, isError: Bool = false) {
    self.content = content
    self.structured = structured
    self.isError = isError
  }

  /// Throws when the result has no form of a result.
  init(_ result: JSONObject) throws(MCPError) {
    content = result["content"]?.arrayValue ?? []
    if let value = result["structuredContent"], !value.isNull { structured = value }
    isError = result["isError"] == true
    let hasContent = result["content"]?.arrayValue != nil
    guard content.allSatisfy({ $0["type"]?.stringValue != nil }),
      hasContent || (result["content"] == nil && structured != nil)
    else {
      throw MCPError(.malformed, "The server's result is malformed")
    }
  }

  /// The content blocks as a JSON array (native.md 4.8): texts cut to `limit` bytes in all, and structured content as a
  /// further text block unless a block says the same.
  package func output(limit: Int = MCPLimits.resultBytes) -> String {
    var left = limit
    var blocks = content.map { Self.cut($0, to: &left) }
    if let structured, !content.contains(where: { Self.says($0, structured) }) {
      blocks.append(Self.cut(["type": "text", "text": .string(structured.serialized())], to: &left))
    }
    return JSONValue.array(blocks).serialized()
  }

  private static let notice = "\n[The rest of the result is left out: it is too long.]"

  /// The block with its text, also that of a resource, within what is left.
  private static func cut(_ block: JSONValue, to left: inout Int) -> JSONValue {
    guard var members = block.objectValue else { return block }
    if let text = members["text"]?.stringValue {
      members["text"] = .string(cut(text, to: &left))
    } else if var resource = members["resource"]?.objectValue, let text = resource["text"]?.stringValue {
      resource["text"] = .string(cut(text, to: &left))
      members["resource"] = .object(resource)
    }
    return .object(members)
  }

  private static func cut(_ text: String, to left: inout Int) -> String {
    let size = text.utf8.count
    defer { left = max(0, left - size) }
    return size <= left ? text : Utf8Prefix.of(text, bytes: left) + notice
  }

  /// Servers repeat structured content as text for older clients; some wrap a plain value as `{"result": value}` only in
  /// the structured form.
  private static func says(_ block: JSONValue, _ structured: JSONValue) -> Bool {
    guard block["type"] == "text", let text = block["text"]?.stringValue else { return false }
    var forms = [structured]
    if let members = structured.objectValue, members.count == 1, let value = members["result"] { forms.append(value) }
    if forms.contains(.string(text)) { return true }
    guard let value = try? JSONValue(parsing: text) else { return false }
    return forms.contains { SchemaCheck.same($0, value) }
  }
}
