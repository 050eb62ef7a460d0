import AtelierCore

/// Puts every call's result directly behind the turn that made the call, because templates take anything else for a mistake.
///
/// Agents shorten their histories and cut such pairs apart (openai.md 10.2): a result without its call becomes something the
/// user says, and a call without its result gets "(no output)".
enum CallPairing {
  static func repaired(_ messages: [Message]) -> [Message] {
    guard messages.contains(where: { $0.role == .tool || !$0.toolCalls.isEmpty }) else { return messages }
    let results = Results(messages)
    var repaired: [Message] = []
    repaired.reserveCapacity(messages.count)
    for (place, message) in messages.enumerated() {
      if message.role == .tool {
        if !results.used.contains(place) { repaired.append(stray(message)) }
        continue
      }
      repaired.append(message)
      let found = results.places[place] ?? [:]
      for place in found.values.sorted() { repaired.append(messages[place]) }
      for (index, call) in message.toolCalls.enumerated() where found[index] == nil {
        repaired.append(
          Message(role: .tool, content: [.text("(no output)")], toolCallID: call.id, name: call.name))
      }
    }
    return repaired
  }

  private static func stray(_ message: Message) -> Message {
    let call = message.toolCallID ?? message.name
    var content: [ContentPart] = [.text("Tool result\(call.map { " (\($0.prefix(64)))" } ?? ""):")]
    content.append(contentsOf: message.content, joiningTextWith: " ")
    return Message(role: .user, content: content)
  }

  /// Which message answers which call.
  private struct Results {
    /// By the place of the calling message: by the call's index the place of its result.
    private(set) var places: [Int: [Int: Int]] = [:]
    private(set) var used: Set<Int> = []

    init(_ messages: [Message]) {
      // Ids may come again in a long chat: a result belongs to the last call of its id before it that has none yet.
      var open: [String: [(message: Int, call: Int)]] = [:]
      for (place, message) in messages.enumerated() {
        if message.role == .tool {
          guard let id = message.toolCallID, let call = open[id]?.popLast() else { continue }
          places[call.message, default: [:]][call.call] = place
          used.insert(place)
        } else {
          for (index, call) in message.toolCalls.enumerated() { open[call.id, default: []].append((place, index)) }
        }
      }
    }
  }
}
