import AtelierCore
import Foundation
import Testing

@testable import AtelierAPI

struct OpenAIResponsesInputTests {
  private static let seal = ReasoningSeal(key: [1])

  private func messages(_ items: JSONValue) throws -> [Message] {
    let stamp = ResponseStamp(created: 0, token: "", seal: Self.seal)
    guard case .chat(let messages) = try OpenAIResponses.decode(["input": items], stamp: stamp).request.input else {
      return []
    }
    return messages
  }

  @Test func messagesOfEveryRole() throws {
    #expect(
      try messages([
        ["type": "message", "role": "developer", "content": [["type": "input_text", "text": "a"]]],
        ["role": "system", "content": "b"],
        ["role": "user", "content": [["type": "input_text", "text": "c"], ["type": "text", "text": "d"]]],
        [
          "type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "phase": "final_answer",
          "content": [["type": "output_text", "text": "e", "annotations": []], ["type": "refusal", "refusal": "f"]],
        ],
        ["role": "user", "content": ""],
      ]) == [
        Message(.system, "a"), Message(.system, "b"), Message(.user, "c\nd"), Message(.assistant, "e\nf"),
        Message(.user, ""),
      ])
  }

  @Test func imagesComeAsStringsOrWrapped() throws {
    let png = TestImage.png(width: 2, height: 3)
    let url = JSONValue.string(TestImage.dataURL(png))
    let image = ContentPart.image(ImageData(format: .png, bytes: png, width: 2, height: 3))
    #expect(
      try messages([
        [
          "role": "user",
          "content": [
            ["type": "input_text", "text": "Look"], ["type": "input_image", "image_url": url, "detail": "auto"],
            ["type": "input_image", "image_url": ["url": url]],
          ],
        ],
        ["type": "function_call", "call_id": "c", "name": "shot", "arguments": ""],
        ["type": "function_call_output", "call_id": "c", "output": [["type": "input_image", "image_url": url]]],
      ]) == [
        Message(role: .user, content: [.text("Look"), image, image]),
        Message(role: .assistant, content: [], toolCalls: [ToolCall(id: "c", name: "shot", arguments: "{}")]),
        Message(role: .tool, content: [image], toolCallID: "c"),
      ])
  }

  @Test func callsReasoningAndTextThatFollowOneAnotherAreOneTurn() throws {
    let call: JSONValue = ["type": "function_call", "call_id": "c1", "name": "ls", "arguments": #"{"a":1}"#]
    let custom: JSONValue = ["type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "x\n"]
    #expect(
      try messages([
        ["role": "user", "content": "Go"],
        ["type": "reasoning", "summary": [], "content": [["type": "reasoning_text", "text": "hm"]]],
        ["role": "assistant", "content": "Let me see."], call, custom,
        ["type": "function_call_output", "call_id": "c1", "output": "README"],
        ["type": "custom_tool_call_output", "call_id": "c2", "output": [["type": "input_text", "text": "done"]]],
        ["role": "assistant", "content": "There."],
      ]) == [
        Message(.user, "Go"),
        Message(
          role: .assistant, content: [.text("Let me see.")], reasoning: "hm",
          toolCalls: [
            ToolCall(id: "c1", name: "ls", arguments: #"{"a":1}"#),
            ToolCall(id: "c2", name: "patch", arguments: #"{"input":"x\n"}"#),
          ]),
        Message(role: .tool, content: [.text("README")], toolCallID: "c1"),
        Message(role: .tool, content: [.text("done")], toolCallID: "c2"), Message(.assistant, "There."),
      ])
  }

  /// Codex strips ids and sends null for what it did not get.
  @Test func reasoningMayLackEverything() throws {
    let own = Self.seal.seal("sealed")
    let items: [(JSONValue, String?)] = [
      (["type": "reasoning", "summary": [], "content": .null, "encrypted_content": .null], nil),
      (["type": "reasoning"], nil), (["type": "reasoning", "encrypted_content": "gAAAA"], nil),
      (["type": "reasoning", "encrypted_content": .string(own)], "sealed"),
      (
        [
          "type": "reasoning", "content": [["type": "reasoning_text", "text": "open"]],
          "encrypted_content": .string(own),
        ], "open"
      ),
      (["type": "reasoning", "encrypted_content": .string(ReasoningSeal(key: [2]).seal("other"))], nil),
    ]
    for (item, reasoning) in items {
      #expect(
        try messages([item, ["role": "assistant", "content": "x"], ["role": "user", "content": "y"]]) == [
          Message(role: .assistant, content: [.text("x")], reasoning: reasoning), Message(.user, "y"),
        ])
    }
    #expect(try messages([["role": "user", "content": "x"], items[4].0]) == [Message(.user, "x")])
  }

  @Test func whatOnlyHostedModelsKnowIsLeftOut() throws {
    let types = [
      "local_shell_call", "local_shell_call_output", "shell_call", "apply_patch_call", "web_search_call",
      "file_search_call", "computer_call", "image_generation_call", "code_interpreter_call", "tool_search_call",
      "tool_search_output", "compaction", "program", "configuration_update", "mcp_list_tools",
      "mcp_approval_request", "something_new",
    ]
    let items = types.map { JSONValue.object(["type": .string($0), "id": "x"]) }
    #expect(try messages(.array([["role": "user", "content": "a"]] + items)) == [Message(.user, "a")])
  }

  @Test func callsThatTheServerRanComeBackWithTheirResults() throws {
    let call: JSONValue = [
      "type": "mcp_call", "id": "mcp_1", "server_label": "hub", "name": "add", "arguments": "{}", "output": "5",
    ]
    #expect(
      try messages([call, call.with(["id": "mcp_2", "output": .null, "error": "broken"])]) == [
        Message(role: .assistant, content: [], toolCalls: [ToolCall(id: "mcp_1", name: "add", arguments: "{}")]),
        Message(role: .tool, content: [.text("5")], toolCallID: "mcp_1", name: "add"),
        Message(role: .assistant, content: [], toolCalls: [ToolCall(id: "mcp_2", name: "add", arguments: "{}")]),
        Message(role: .tool, content: [.text("broken")], toolCallID: "mcp_2", name: "add"),
      ])
  }

  @Test func callsOfNamespacesHaveTheNameThatTheModelKnows() throws {
    let call: JSONValue = ["type": "function_call", "call_id": "c", "name": "read", "arguments": "{}"]
    func name(_ namespace: JSONValue) throws -> String? {
      try messages([call.with(["namespace": namespace])]).first?.toolCalls.first?.name
    }
    #expect(try name("mcp__files") == "mcp__files__read")
    #expect(try name("mcp__files__") == "mcp__files__read")
    #expect(try name("functions") == "read" && name(.null) == "read")
  }
}
