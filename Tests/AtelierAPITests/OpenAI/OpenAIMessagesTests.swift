import AtelierAPI
import AtelierCore
import Foundation
import Testing

struct OpenAIMessagesTests {
  private func messages(_ items: JSONValue) throws(AtelierError) -> [Message] {
    let decoded = try OpenAIChat.decode(["messages": items], stamp: ResponseStamp(created: 0, token: ""))
    guard case .chat(let messages) = decoded.request.input else { return [] }
    return messages
  }

  @Test func leadingSystemMessagesAreOneAndLaterOnesStay() throws {
    let read = try messages([
      ["role": "system", "content": "a"], ["role": "developer", "content": [["type": "text", "text": "b"]]],
      ["role": "user", "content": "c", "name": "Eve"], ["role": "system", "content": "d"],
      ["role": "system", "content": "e"],
    ])
    var user = Message(.user, "c")
    user.name = "Eve"
    #expect(read == [Message(.system, "a\n\nb"), user, Message(.system, "d"), Message(.system, "e")])
  }

  @Test func adjacentTextsJoinAndImagesStayInPlace() throws {
    let png = TestImage.png(width: 4, height: 5)
    let url = JSONValue.string(TestImage.dataURL(png))
    let read = try messages([
      [
        "role": "user",
        "content": [
          ["type": "text", "text": "a", "cache_control": [:]], ["type": "text", "text": "b"],
          ["type": "image_url", "image_url": ["url": url, "detail": "high"]], ["type": "text", "text": "c"],
          ["type": "image_url", "image_url": url],
        ],
      ]
    ])
    let image = ContentPart.image(ImageData(format: .png, bytes: png, width: 4, height: 5))
    #expect(read == [Message(role: .user, content: [.text("a\nb"), image, .text("c"), image])])
  }

  @Test func callsAndResultsArePaired() throws {
    let read = try messages([
      ["role": "user", "content": "x"],
      [
        "role": "assistant", "content": .null, "reasoning_content": "Hm.",
        "tool_calls": [
          ["id": "c1", "type": "function", "function": ["name": "f", "arguments": "{\"a\":1}"]],
          ["id": "c2", "type": "function", "function": ["name": "g", "arguments": ["b": 2]]],
          ["id": "c3", "function": ["name": "h"]],
        ],
      ],
      ["role": "tool", "tool_call_id": "c2", "content": "two"], ["role": "tool", "content": "one"],
      ["role": "tool", "content": [["type": "text", "text": "three"]]],
    ])
    #expect(read[1].reasoning == "Hm.")
    #expect(read[1].content.isEmpty)
    #expect(
      read[1].toolCalls == [
        ToolCall(id: "c1", name: "f", arguments: #"{"a":1}"#), ToolCall(id: "c2", name: "g", arguments: #"{"b":2}"#),
        ToolCall(id: "c3", name: "h", arguments: "{}"),
      ])
    #expect(read[2...].map(\.toolCallID) == ["c2", "c1", "c3"])
    #expect(read[2...].map(\.text) == ["two", "one", "three"])
  }

  @Test func legacyFunctionsArePairedByName() throws {
    let read = try messages([
      ["role": "assistant", "function_call": ["name": "f", "arguments": "{}"]],
      ["role": "function", "name": "f", "content": "r"],
    ])
    #expect(read[0].toolCalls.map(\.name) == ["f"])
    #expect(read[1].role == .tool && read[1].toolCallID == read[0].toolCalls[0].id && read[1].name == "f")
  }

  @Test func refusalsAreText() throws {
    let read = try messages([
      ["role": "assistant", "content": [["type": "refusal", "refusal": "No."]]],
      ["role": "assistant", "refusal": "Nor."],
    ])
    #expect(read == [Message(.assistant, "No."), Message(.assistant, "Nor.")])
  }

  static let refusals: [(JSONValue, AtelierError.Code, String)] = [
    ("x", .invalidType, "messages.1"), (["content": "x"], .missingRequiredParameter, "messages.1.role"),
    (["role": "critic", "content": "x"], .invalidValue, "messages.1.role"),
    (["role": 3, "content": "x"], .invalidType, "messages.1.role"),
    (["role": "user", "content": 3], .invalidType, "messages.1.content"),
    (["role": "user"], .missingRequiredParameter, "messages.1.content"),
    (["role": "user", "content": .null], .missingRequiredParameter, "messages.1.content"),
    (["role": "user", "content": ["x"]], .invalidType, "messages.1.content.0"),
    (["role": "user", "content": [["text": "x"]]], .missingRequiredParameter, "messages.1.content.0.type"),
    (["role": "user", "content": [["type": "text"]]], .missingRequiredParameter, "messages.1.content.0.text"),
    (["role": "user", "content": [["type": "input_audio"]]], .invalidValue, "messages.1.content.0.type"),
    (["role": "user", "content": [["type": "video_url"]]], .invalidValue, "messages.1.content.0.type"),
    (["role": "system", "content": [["type": "image_url"]]], .invalidValue, "messages.1.content.0.type"),
    (
      ["role": "user", "content": [["type": "image_url", "image_url": "https://example.org/a.png"]]],
      .imageURLUnsupported, "messages.1.content.0.image_url"
    ),
    (
      ["role": "user", "content": [["type": "image_url", "image_url": ["url": "file:///etc/passwd"]]]],
      .imageURLUnsupported, "messages.1.content.0.image_url"
    ),
    (
      ["role": "user", "content": [["type": "image_url", "image_url": ["url": "data:image/png;base64,aGk="]]]],
      .invalidImage, "messages.1.content.0.image_url"
    ),
    (
      ["role": "user", "content": [["type": "image_url"]]], .missingRequiredParameter, "messages.1.content.0.image_url"
    ),
    (["role": "assistant"], .missingRequiredParameter, "messages.1.content"),
    (
      ["role": "assistant", "tool_calls": [["id": "a", "type": "custom"]]], .invalidValue,
      "messages.1.tool_calls.0.type"
    ),
    (
      ["role": "assistant", "tool_calls": [["id": "a", "function": ["name": "f", "arguments": 3]]]], .invalidType,
      "messages.1.tool_calls.0.function.arguments"
    ),
  ]

  @Test(arguments: refusals) func wrongMessagesNameTheirPlace(item: JSONValue, code: AtelierError.Code, param: String) {
    expectRefusal(code, param) { () throws(AtelierError) in
      try messages([["role": "user", "content": "first"], item])
    }
  }

  @Test func numbersAreLimited() throws {
    let message: JSONValue = ["role": "user", "content": "x"]
    #expect(try messages(.array(Array(repeating: message, count: 4096))).count == 4096)
    expectRefusal(.invalidValue, "messages") { () throws(AtelierError) in
      try messages(.array(Array(repeating: message, count: 4097)))
    }
    let image: JSONValue = [
      "type": "image_url", "image_url": .string(TestImage.dataURL(TestImage.png(width: 1, height: 1))),
    ]
    expectRefusal(.invalidValue, "messages") { () throws(AtelierError) in
      try messages([
        ["role": "user", "content": .array(Array(repeating: image, count: 9))],
        ["role": "user", "content": .array(Array(repeating: image, count: 8))],
      ])
    }
  }

  @Test func aThousandMistakesMakeAShortMessage() {
    let wrong = JSONValue.array(Array(repeating: ["role": .string(String(repeating: "x", count: 10_000))], count: 1000))
    let error = failure { () throws(AtelierError) in try messages(wrong) }
    #expect(error?.param == "messages.0.role")
    #expect((error?.message.utf8.count ?? .max) < 2000)
  }
}
