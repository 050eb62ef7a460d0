import AtelierCore

/// Brings a chat into a form that a template renders (openai.md 7.3). What a template can do is found out once per model.
struct MessageNormalizer: Sendable, Hashable {
  /// The template renders a system message that is not the first. If not, it becomes a user turn: moving it to the front
  /// would change the beginning of the prompt on every turn and so defeat the prefix cache.
  var rendersLaterSystemMessages: Bool
  /// The template refuses two messages of one role in a row.
  var demandsAlternation: Bool

  func normalize(_ messages: [Message]) -> [Message] {
    var result: [Message] = []
    let leading = messages.prefix { $0.role == .system }
    if !leading.isEmpty { result.append(Message(.system, Self.joined(leading.map(\.text)))) }
    for var message in messages.dropFirst(leading.count) {
      if message.role == .system, !rendersLaterSystemMessages {
        message = Message(.user, "<system>\(message.text)</system>")
        Self.append(message, to: &result, merging: true)
      } else {
        // A user turn after a wrapped system message joins it.
        let wrapped = !rendersLaterSystemMessages && message.role == .user && Self.isWrappedSystem(result.last)
        Self.append(message, to: &result, merging: demandsAlternation || wrapped)
      }
    }
    return Self.withToolNames(result)
  }

  private static func append(_ message: Message, to result: inout [Message], merging: Bool) {
    guard merging, let last = result.last, last.role == message.role, isPlain(last), isPlain(message) else {
      result.append(message)
      return
    }
    result[result.count - 1] = Message(role: message.role, content: joined(last.content, message.content))
  }

  /// The contents of two messages as one: an empty line between text and text, nothing beside an image.
  private static func joined(_ first: [ContentPart], _ second: [ContentPart]) -> [ContentPart] {
    let hasImages = (first + second).contains { if case .image = $0 { true } else { false } }
    guard hasImages else {
      return [.text(joined([Message(role: .user, content: first).text, Message(role: .user, content: second).text]))]
    }
    // Parts of text in a row stand on lines of their own.
    guard case .text? = first.last, case .text(let text)? = second.first else { return first + second }
    return first + [.text("\n" + text)] + second.dropFirst()
  }

  private static func isPlain(_ message: Message) -> Bool { message.role != .tool && message.toolCalls.isEmpty }

  private static func isWrappedSystem(_ message: Message?) -> Bool {
    guard let message, message.role == .user else { return false }
    return message.text.hasSuffix("</system>")
  }

  private static func joined(_ texts: [String]) -> String { texts.filter { !$0.isEmpty }.joined(separator: "\n\n") }

  /// Some templates name the function beside its result, where clients only send the call's id.
  private static func withToolNames(_ messages: [Message]) -> [Message] {
    var names: [String: String] = [:]
    return messages.map { message in
      for call in message.toolCalls { names[call.id] = call.name }
      guard message.role == .tool, message.name == nil, let id = message.toolCallID, let name = names[id] else {
        return message
      }
      var message = message
      message.name = name
      return message
    }
  }
}

extension MessageNormalizer {
  /// Tries the template on two small chats.
  init(probing template: ChatTemplate) {
    /// Whether both texts are rendered, in this order.
    func renders(_ messages: [Message], _ first: String, _ second: String) -> Bool {
      guard let prompt = try? template.render(TemplateRequest(messages: messages)).prompt,
        let found = prompt.firstRange(of: first)
      else { return false }
      return prompt[found.upperBound...].contains(second)
    }
    // A template that moves the message to the front does not render it in its place.
    rendersLaterSystemMessages = renders(
      [
        Message(.user, "first probe"), Message(.assistant, "second probe"), Message(.system, "third probe"),
        Message(.user, "fourth probe"),
      ], "second probe", "third probe")
    demandsAlternation = !renders(
      [Message(.user, "first probe"), Message(.user, "second probe")], "first probe", "second probe")
  }
}
