import AtelierCore
import AtelierTesting
import AtelierText
import Testing

struct ToolCallParserTests {
  private static let call =
    "<tool_call>\n{\"name\": \"get\", \"arguments\": {\"a\": \"}<tool_call>\\\"\", \"b\": [{}]}}\n</tool_call>"

  private static func parse(
    _ pieces: [String], callsOnly: Bool = false
  ) -> (message: String, reasoning: String, calls: [(String, String, Bool)]) {
    var parser = ToolCallParser(
      names: ["get", "ädd"],
      reasoning: ReasoningParser(startTag: "<think>", endTags: ["</think>"], startsInside: false), callsOnly: callsOnly)
    var result = (message: "", reasoning: "", calls: [(String, String, Bool)]())
    for output in pieces.flatMap({ parser.feed($0) }) + parser.finish() {
      switch output {
      case .message(let text): result.message += text
      case .reasoning(let text): result.reasoning += text
      case .toolCallStarted(let index, let id, let name):
        #expect(index == result.calls.count)
        #expect(id.hasPrefix("call_"))
        result.calls.append((name, "", false))
      case .toolCallArguments(let index, let text): result.calls[index].1 += text
      case .toolCallFinished(let index): result.calls[index].2 = true
      }
    }
    return result
  }

  @Test func aCallIsRead() {
    let result = Self.parse(["Let me see.\n\n\(Self.call)\n\(Self.call)\n"])
    #expect(result.message == "Let me see.")
    #expect(result.calls.map(\.0) == ["get", "get"])
    #expect(result.calls.allSatisfy { $0.1 == #"{"a": "}<tool_call>\"", "b": [{}]}"# && $0.2 })
  }

  @Test func aCallInsideReasoningIsNone() {
    let result = Self.parse(["<think>I could \(Self.call)</think>No."])
    #expect(result.calls.isEmpty)
    #expect(result.reasoning.contains("get"))
    #expect(result.message == "No.")
  }

  @Test(arguments: [
    "<tool_call> what?", "<tool_call>\n{\"name\": \"unknown\", \"arguments\": {}}\n</tool_call>",
    "<tool_call>{\"arguments\": {}}</tool_call>", "<tool_call>{\"name\": \"get\"}</tool_call>",
    "<tool_call>{\"name\": \"get\", \"arguments\": []}</tool_call>", "<tool_call", "a < b",
    "<tool_call>{\"name\": \"ge",
  ])
  func whatIsNoCallIsText(_ text: String) {
    let result = Self.parse([text])
    #expect(result.calls.isEmpty)
    #expect(result.message == text)
  }

  /// Where a grammar allows nothing but calls, the token limit may cut one anywhere.
  @Test func theBeginningOfARequiredCallIsNoText() {
    let text = "\n\(Self.call)\n\n\(Self.call)"
    for length in 0...text.count {
      let result = Self.parse([String(text.prefix(length))], callsOnly: true)
      #expect(result.message.isEmpty)
      #expect(result.calls.dropLast().allSatisfy { $0.2 && $0.1 == #"{"a": "}<tool_call>\"", "b": [{}]}"# })
    }
  }

  @Test func aCallThatIsCutOffKeepsWhatItHas() {
    let result = Self.parse(["<tool_call>\n{\"name\": \"ädd\", \"arguments\": {\"x\": 1"])
    #expect(result.message.isEmpty)
    #expect(result.calls.map(\.1) == ["{\"x\": 1"])
  }

  @Test func anyChunkingGivesTheSame() {
    let fragments = [
      Self.call, "<tool_call>", "</tool_call>", "<think>", "</think>", "\n", " ", "ä",
      "{\"name\": \"get\", \"arguments\": ",
      "{}", "}", "\"", "\\", "<", "text",
    ]
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<2_000 {
      let text = (0..<Int.random(in: 1...8, using: &generator)).map { _ in
        fragments.randomElement(using: &generator) ?? ""
      }.joined()
      let whole = Self.parse([text])
      var pieces: [String] = []
      for scalar in text.unicodeScalars {
        if pieces.isEmpty || Bool.random(using: &generator) {
          pieces.append(String(scalar))
        } else {
          pieces[pieces.count - 1].unicodeScalars.append(scalar)
        }
      }
      let chunked = Self.parse(pieces)
      #expect(chunked.message == whole.message, "\(text)")
      #expect(chunked.reasoning == whole.reasoning, "\(text)")
      #expect(chunked.calls.map { "\($0)" } == whole.calls.map { "\($0)" }, "\(text)")
    }
  }

  @Test func earlierCallsAndResultsBecomeText() {
    let messages = CallMarkup.rewriting(
      [
        Message(.user, "Time?"),
        Message(
          role: .assistant, content: [.text("One moment.")],
          toolCalls: [
            ToolCall(id: "1", name: "get", arguments: "{\"z\":\"UTC\"}"),
            ToolCall(id: "2", name: "get", arguments: "no"),
          ]),
        Message(role: .tool, content: [.text("12:00")], toolCallID: "1", name: "get"),
        Message(role: .tool, content: [.text("13:00")], toolCallID: "2"), Message(.user, "Thanks"),
      ], offering: [ToolDefinition(name: "get", description: "The time")])
    #expect(messages.map(\.role) == [.system, .user, .assistant, .user, .user])
    #expect(
      messages[0].text.contains(
        #"{"name":"get","description":"The time","parameters":{"type":"object","properties":{}}}"#))
    #expect(messages[2].toolCalls.isEmpty)
    let made = Self.parse([messages[2].text])
    #expect(made.message == "One moment.")
    #expect(made.calls.map(\.1) == [#"{"z":"UTC"}"#, #"{"_raw":"no"}"#])
    #expect(
      messages[3].text
        == "<tool_response name=\"get\">\n12:00\n</tool_response>\n<tool_response>\n13:00\n</tool_response>")
  }
}
