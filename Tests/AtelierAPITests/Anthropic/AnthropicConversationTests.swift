import AtelierAPI
import AtelierCore
import Foundation
import Testing

struct AnthropicConversationTests {
  private func messages(_ items: JSONValue, system: JSONValue? = nil) throws(AtelierError) -> [Message] {
    let body: JSONValue = ["model": "m", "max_tokens": 1, "messages": items]
    let request = try AnthropicMessages.decode(
      body.with(["system": system]), stamp: ResponseStamp(created: 0, token: "")
    ).request
    guard case .chat(let messages) = request.input else { return [] }
    return messages
  }

  private static func call(_ id: String, _ name: String = "Bash") -> ToolCall {
    ToolCall(id: id, name: name, arguments: #"{"command":"ls"}"#)
  }

  private static func use(_ id: String) -> JSONValue {
    ["type": "tool_use", "id": .string(id), "name": "Bash", "input": ["command": "ls"]]
  }

  private static func result(_ id: String, _ text: String) -> JSONValue {
    ["type": "tool_result", "tool_use_id": .string(id), "content": .string(text)]
  }

  private static func tool(_ id: String, _ text: String) -> Message {
    Message(role: .tool, content: [.text(text)], toolCallID: id, name: "Bash")
  }

  /// anthropic.md 9.2, shortened.
  @Test func aTurnOfClaudeCode() throws {
    let read = try messages(
      [
        [
          "role": "user",
          "content": [
            ["type": "text", "text": "<system-reminder>"],
            ["type": "text", "text": "list files", "cache_control": ["type": "ephemeral"]],
          ],
        ],
        ["role": "system", "content": "Available agent types: x"],
        ["role": "assistant", "content": [["type": "thinking", "thinking": "Hm", "signature": ""], Self.use("t1")]],
        [
          "role": "user", "content": [["type": "text", "text": "go on"], Self.result("t1", "a.txt")],
        ],
      ],
      system: [
        ["type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.0.a1b; cc_entrypoint=cli; cch=0a1b2;"],
        ["type": "text", "text": "You are a CLI agent.", "cache_control": ["type": "ephemeral"]],
        ["type": "text", "text": "Be brief."],
      ])
    #expect(
      read == [
        Message(.system, "You are a CLI agent.\n\nBe brief."), Message(.user, "<system-reminder>\nlist files"),
        Message(.system, "Available agent types: x"),
        Message(role: .assistant, content: [], reasoning: "Hm", toolCalls: [Self.call("t1")]), Self.tool("t1", "a.txt"),
        Message(.user, "go on"),
      ])
  }

  @Test(arguments: [
    ("x-anthropic-billing-header: a; cch=0f;\nYou are", "You are"),
    ("x-anthropic-billing-header: a\nYou are", "You are"),
    ("x-anthropic-billing-header: a; cch=zz; b", ""), ("You cch=1; are", "You cch=1; are"),
    ("x-anthropic-billing-header: cch=; cch=1;x", "x"),
  ])
  func attributionIsRemoved(text: String, rest: String) throws {
    let expected = (rest.isEmpty ? [] : [Message(.system, rest)]) + [Message(.user, "x")]
    #expect(try messages([["role": "user", "content": "x"]], system: .string(text)) == expected)
  }

  @Test func messagesOfOneRoleAreOne() throws {
    let read = try messages(
      [
        ["role": "system", "content": "early"], ["role": "user", "content": "a"], ["role": "system", "content": []],
        ["role": "user", "content": [["type": "text", "text": ""], ["type": "text", "text": "b"]]],
        ["role": "assistant", "content": "c"], ["role": "assistant", "content": [["type": "text", "text": "d"]]],
      ], system: "top")
    #expect(read == [Message(.system, "top\n\nearly"), Message(.user, "a\n\nb"), Message(.assistant, "c\n\nd")])
  }

  @Test func resultsFollowTheirCallsInTheOrderGiven() throws {
    let read = try messages([
      ["role": "user", "content": "x"], ["role": "assistant", "content": [Self.use("a"), Self.use("b")]],
      ["role": "system", "content": "between"],
      ["role": "user", "content": [["type": "text", "text": "y"], Self.result("b", "2"), Self.result("a", "1")]],
    ])
    #expect(
      read == [
        Message(.user, "x"), Message(role: .assistant, content: [], toolCalls: [Self.call("a"), Self.call("b")]),
        Self.tool("b", "2"), Self.tool("a", "1"), Message(.system, "between"), Message(.user, "y"),
      ])
  }

  @Test func pairsThatWereCutApartAreMended() throws {
    let read = try messages([
      ["role": "user", "content": [Self.result("gone", "old"), ["type": "text", "text": "x"]]],
      ["role": "assistant", "content": [Self.use("a"), Self.use("b")]],
      ["role": "user", "content": [Self.result("b", "2"), Self.result("b", "twice")]],
    ])
    #expect(
      read == [
        Message(.user, "Tool result (gone): old\n\nx"),
        Message(role: .assistant, content: [], toolCalls: [Self.call("a"), Self.call("b")]), Self.tool("b", "2"),
        Self.tool("a", "(no output)"), Message(.user, "Tool result (b): twice"),
      ])
  }

  @Test func resultsHoldWhatTheToolReturned() throws {
    let image: JSONValue = [
      "type": "image",
      "source": [
        "type": "base64", "media_type": "image/jpeg",
        "data": .string(TestImage.png(width: 3, height: 2).base64EncodedString()),
      ],
    ]
    func content(_ result: JSONValue) throws(AtelierError) -> [ContentPart] {
      try messages([
        ["role": "assistant", "content": [Self.use("a")]],
        ["role": "user", "content": [result.with(["type": "tool_result", "tool_use_id": "a"])]],
      ])[1].content
    }
    #expect(try content([:]) == [])
    #expect(try content(["content": "no", "is_error": true]) == [.text("Error: no")])
    #expect(
      try content(["content": [["type": "text", "text": "p"], ["type": "text", "text": "q"]]]) == [.text("p\nq")])
    let mixed = try content(["content": [["type": "text", "text": "see"], image]])
    guard mixed.count == 2, case .image(let data) = mixed[1] else {
      Issue.record("\(mixed)")
      return
    }
    #expect(data.format == .png && data.width == 3)
  }

  @Test func documentsAreTheirText() throws {
    let read = try messages([
      [
        "role": "user",
        "content": [
          ["type": "document", "title": "T", "source": ["type": "text", "media_type": "text/plain", "data": "body"]],
          ["type": "document", "source": ["type": "content", "content": [["type": "text", "text": "inner"]]]],
          [
            "type": "search_result", "title": "S", "source": "https://x",
            "content": [["type": "text", "text": "found"]],
          ], ["type": "server_tool_use", "id": "s", "name": "web_search", "input": [:]],
        ],
      ]
    ])
    #expect(read == [Message(.user, "T\nbody\ninner\nS\nhttps://x\nfound")])
  }

  @Test(
    arguments: [
      (
        ["type": "document", "source": ["type": "base64", "data": "x"]], .invalidValue,
        "messages.0.content.0.source.type"
      ),
      (
        ["type": "image", "source": ["type": "url", "url": "https://x/y.png"]], .imageURLUnsupported,
        "messages.0.content.0.source"
      ),
      (
        ["type": "image", "source": ["type": "file", "file_id": "f"]], .invalidValue, "messages.0.content.0.source.type"
      ),
      (["type": "image", "source": ["type": "base64", "data": "aGk="]], .invalidImage, "messages.0.content.0.source"),
      (["type": "tool_result"], .missingRequiredParameter, "messages.0.content.0.tool_use_id"),
    ] as [(JSONValue, AtelierError.Code, String)])
  func blocksThatCannotBeReadAreNamed(block: JSONValue, code: AtelierError.Code, param: String) {
    expectRefusal(code, param) { () throws(AtelierError) in
      try messages([["role": "user", "content": .array([block])]])
    }
  }
}
