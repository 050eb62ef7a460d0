import AtelierCore
import Foundation

/// The form of a message in the database: the store keeps its own, so that the vocabulary may change without a migration
/// of old chats. Images are references to rows of `image`.
struct StoredMessage: Codable, Hashable {
  struct Part: Codable, Hashable {
    var text: String?
    /// Row of the `image` table.
    var image: Int64?
  }

  var role: String
  var parts: [Part]
  var reasoning: String?
  var toolCalls: [StoredToolCall]?
  var toolCallID: String?
  var name: String?

  /// Its parts of text, on lines of their own.
  var text: String { parts.compactMap(\.text).joined(separator: "\n") }

  init(_ message: Message, image: (ImageData) throws -> Int64) rethrows {
    role = message.role.rawValue
    parts = try message.content.map { part in
      switch part {
      case .text(let text): Part(text: text)
      case .image(let data): Part(image: try image(data))
      }
    }
    reasoning = message.reasoning
    toolCalls = message.toolCalls.isEmpty ? nil : message.toolCalls.map(StoredToolCall.init)
    toolCallID = message.toolCallID
    name = message.name
  }

  func message(image: (Int64) throws -> ImageData) throws -> Message {
    guard let role = Message.Role(rawValue: role) else { throw StoredFormatError() }
    let content: [ContentPart] = try parts.map { part in
      if let text = part.text { return .text(text) }
      guard let reference = part.image else { throw StoredFormatError() }
      return .image(try image(reference))
    }
    return Message(
      role: role, content: content, reasoning: reasoning, toolCalls: (toolCalls ?? []).map(\.call),
      toolCallID: toolCallID, name: name)
  }
}
