import AtelierCore

/// Leaves out the beginning of a chat, whole turns at a time: a turn is a user's message and everything up to the next.
/// System messages stay, and so does the last turn.
struct TurnDropping: Sendable {
  private let messages: [Message]
  /// Where the turns after the first begin.
  private let starts: [Int]

  init(_ messages: [Message]) {
    self.messages = messages
    starts = Array(messages.indices.filter { messages[$0].role == .user }.dropFirst())
  }

  /// Turns that can be left out.
  var droppable: Int { starts.count }

  /// The chat without its first `count` turns; at most `droppable`.
  func dropping(_ count: Int) -> [Message] {
    guard count > 0 else { return messages }
    let start = starts[count - 1]
    return messages[..<start].filter { $0.role == .system } + messages[start...]
  }
}
