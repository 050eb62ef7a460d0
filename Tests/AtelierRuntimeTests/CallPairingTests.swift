import AtelierCore
import Testing

@testable import AtelierRuntime

struct CallPairingTests {
  private func calls(_ ids: String...) -> Message {
    Message(role: .assistant, content: [], toolCalls: ids.map { ToolCall(id: $0, name: "f", arguments: "{}") })
  }

  private func result(_ id: String?, _ text: String = "r", name: String? = nil) -> Message {
    Message(role: .tool, content: [.text(text)], toolCallID: id, name: name)
  }

  private func missing(_ id: String) -> Message { result(id, "(no output)", name: "f") }

  @Test func wellFormedChatsStayAsTheyAre() {
    let chats: [[Message]] = [
      [], [Message(.user, "a"), Message(.assistant, "b")],
      [
        Message(.user, "a"), calls("1", "2"), result("2"), result("1"), Message(.assistant, "b"), calls("1"),
        result("1"),
      ],
    ]
    for chat in chats { #expect(CallPairing.repaired(chat) == chat) }
  }

  @Test func resultsMoveBehindTheirCalls() {
    #expect(
      CallPairing.repaired([
        calls("1", "2"), Message(.system, "s"), result("1"), Message(.user, "u"), result("2", "late"),
      ]) == [calls("1", "2"), result("1"), result("2", "late"), Message(.system, "s"), Message(.user, "u")])
  }

  @Test func callsWithoutResultsGetOne() {
    #expect(
      CallPairing.repaired([calls("1", "2"), result("2"), Message(.user, "u"), calls("3")]) == [
        calls("1", "2"), result("2"), missing("1"), Message(.user, "u"), calls("3"), missing("3"),
      ])
  }

  @Test func resultsWithoutCallsBecomeWordsOfTheUser() {
    #expect(
      CallPairing.repaired([
        result("9", "x"), calls("1"), result("1"), result("1", "again"), result(nil, "y", name: "g"),
      ])
        == [
          Message(.user, "Tool result (9): x"), calls("1"), result("1"), Message(.user, "Tool result (1): again"),
          Message(.user, "Tool result (g): y"),
        ])
  }

  /// Some clients count their calls from 0 in every turn.
  @Test func idsThatComeAgainBelongToTheNearestCall() {
    let chat = [
      calls("0"), result("0", "a"), calls("0"), result("0", "b"), calls("0"), Message(.user, "u"), calls("0"),
      result("0", "c"),
    ]
    #expect(
      CallPairing.repaired(chat)
        == Array(chat[..<5]) + [missing("0"), Message(.user, "u"), calls("0"), result("0", "c")])
  }
}
