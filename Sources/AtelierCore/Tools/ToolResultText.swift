/// What the model reads of a tool's result.
package enum ToolResultText {
  /// Text blocks and text resources as they are; of everything else one line that says what it is. An output that is no
  /// array of content blocks is shown unchanged.
  package static func forModel(_ output: String) -> String {
    guard let blocks = (try? JSONValue(parsing: output))?.arrayValue,
      blocks.allSatisfy({ $0["type"]?.stringValue != nil })
    else { return output }
    return blocks.map(text).joined(separator: "\n")
  }

  /// The blocks that carry data as text blocks that say what they were.
  package static func withoutData(_ output: String) -> String {
    guard let blocks = (try? JSONValue(parsing: output))?.arrayValue else { return output }
    return JSONValue.array(
      blocks.map { block in
        guard block["data"] != nil || block["resource"]?["blob"] != nil else { return block }
        return ["type": "text", "text": .string(text(block))]
      }
    ).serialized()
  }

  private static func text(_ block: JSONValue) -> String {
    switch block["type"]?.stringValue {
    case "text": return block["text"]?.stringValue ?? ""
    case "resource":
      let resource = block["resource"]
      if let text = resource?["text"]?.stringValue { return text }
      return "[resource \(name(of: resource))]"
    case "resource_link":
      let parts = [block["name"], block["uri"], block["description"]].compactMap { $0?.stringValue }
      return "[link to \(parts.joined(separator: ": "))]"
    case let kind?: return "[\(kind)\(block["mimeType"]?.stringValue.map { " \($0)" } ?? "")]"
    case nil: return ""
    }
  }

  private static func name(of resource: JSONValue?) -> String {
    let parts = [resource?["uri"], resource?["mimeType"]].compactMap { $0?.stringValue }
    return parts.joined(separator: ", ")
  }
}
