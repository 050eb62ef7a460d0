import AtelierCore
import Foundation

/// A stored chat of `GET /atelier/chats/{id}` as text.
struct StoredChatText: Sendable {
  let chat: JSONValue

  init(_ chat: JSONValue) { self.chat = chat }

  /// Role and text of each message, in order; parts that are no text are named.
  var messages: [(role: String, text: String)] {
    (chat["messages"]?.arrayValue ?? []).map { message in
      (message["role"]?.stringValue ?? "", Self.text(message["content"] ?? .null))
    }
  }

  private static func text(_ content: JSONValue) -> String {
    switch content {
    case .string(let text): return text
    case .array(let parts):
      return parts.map { part in
        part["text"]?.stringValue ?? part["content"]?.stringValue ?? part.stringValue
          ?? "[\(part["type"]?.stringValue ?? "?")]"
      }.joined(separator: "\n")
    case .object: return text(content["text"] ?? content["content"] ?? .null)
    default: return ""
    }
  }

  var markdown: String {
    let title = "# Chat \(HumanText.plain(chat["id"]?.stringValue ?? ""))"
    let sections = messages.map { "## \(HumanText.plain($0.role.capitalized))\n\n\($0.text)" }
    return ([title] + sections).joined(separator: "\n\n") + "\n"
  }

  static func table(_ chats: [JSONValue]) -> TextTable {
    TextTable(
      ["CHAT…", "UPDATED", ">TURNS", "MODEL…", "TITLE…"],
      chats.map { chat in
        [
          chat["id"]?.stringValue ?? "", time(chat["updated_at"]), chat["turns"]?.integerValue.map(String.init) ?? "",
          chat["model"]?.stringValue ?? "", chat["title"]?.stringValue ?? "",
        ]
      })
  }

  /// Of ISO 8601 text, or of seconds or milliseconds since 1970.
  static func time(_ value: JSONValue?) -> String {
    if let text = value?.stringValue { return HumanText.minute(text) }
    guard let number = value?.doubleValue, number > 0 else { return "" }
    let seconds = number > 1e11 ? number / 1000 : number
    return HumanText.minute(Date(timeIntervalSince1970: seconds).formatted(.iso8601))
  }
}
