import AtelierCore
import Testing

@testable import AtelierWorker

/// On a model of bytes: a message of n bytes is n + 1 tokens.
struct PromptPreparerTests {
  private let preparer = PromptPreparer(backend: EchoBackend(contextLength: 64))

  private func turns(_ texts: String...) -> [Message] {
    texts.enumerated().map { Message($0 % 2 == 0 ? .user : .assistant, $1) }
  }

  private func prompt(_ messages: [Message], drops: Bool = true, limit: Int? = 4) throws(AtelierError) -> String {
    let request = EngineRequest(input: .chat(messages), maxOutputTokens: limit, dropsOldTurns: drops)
    let tokens = try preparer.prepare(request, proceed: { true }).tokens
    return String(decoding: tokens.map { $0 == EchoBackend.endOfPrompt ? UInt8(ascii: "|") : UInt8($0) }, as: UTF8.self)
  }

  @Test func whatFitsIsKept() throws {
    #expect(try prompt([Message(.system, "s")] + turns("a", "b", "c")) == "s|a|b|c|")
  }

  @Test func theOldestTurnsGoFirst() throws {
    let long = String(repeating: "x", count: 19)
    let messages = [Message(.system, "s")] + turns("1" + long, "2", "3" + long, "4", "5" + long, "6", "7")
    #expect(try prompt(messages) == "s|3\(long)|4|5\(long)|6|7|")
    #expect(failure { () throws(AtelierError) in try prompt(messages, drops: false) } == .contextLengthExceeded)
  }

  @Test func anAnswerHasRoom() throws {
    let text = String(repeating: "x", count: 25)
    #expect(try prompt(turns(text, "a", text, "b", "c"), limit: nil) == "\(text)|a|\(text)|b|c|".dropFirst(28))
  }

  @Test func systemMessagesAndTheLastTurnStay() throws {
    let long = String(repeating: "x", count: 60)
    var messages = turns(long, "b", long, "d", "e")
    messages.insert(Message(.system, "later"), at: 2)
    #expect(try prompt(messages) == "later|e|")
    let code = failure { () throws(AtelierError) in try prompt(turns("a", "b", long + long)) }
    #expect(code == .contextLengthExceeded)
  }

  /// A text so long that it is refused before it is tokenized counts as too long as well.
  @Test func aTurnBeyondAllBoundsGoesToo() throws {
    #expect(try prompt(turns(String(repeating: "x", count: 100_000), "b", "c")) == "c|")
  }

  private func failure(_ body: () throws(AtelierError) -> String) -> AtelierError.Code? {
    do throws(AtelierError) {
      _ = try body()
      return nil
    } catch {
      return error.code
    }
  }
}
