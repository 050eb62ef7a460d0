import AtelierAPI
import AtelierCore
import Foundation
import Testing

struct OpenAIStoredResponseTests {
  private static let seal = ReasoningSeal(key: [1])
  private static let png = TestImage.png(width: 2, height: 3)
  private let stamp = ResponseStamp(created: 100, token: "t", responseID: "resp_ab", seal: seal)
  private let body: JSONValue = [
    "model": "m", "instructions": "Be brief.", "metadata": ["k": "v"], "previous_response_id": "resp_1",
    "include": ["reasoning.encrypted_content"],
    "tools": [
      ["type": "custom", "name": "patch"],
      ["type": "namespace", "name": "mcp__x", "tools": [["type": "function", "name": "read"]]],
    ],
    "input": [
      ["role": "developer", "content": "a"],
      [
        "role": "user",
        "content": [
          ["type": "input_text", "text": "b"],
          ["type": "input_image", "image_url": .string(TestImage.dataURL(png))],
        ],
      ], ["type": "reasoning", "content": [["type": "reasoning_text", "text": "hm"]]],
      ["role": "assistant", "content": "c"],
      ["type": "function_call", "call_id": "c1", "name": "read", "namespace": "mcp__x", "arguments": "{}"],
      ["type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "x\n"],
      ["type": "function_call_output", "call_id": "c1", "output": "d"],
      ["type": "custom_tool_call_output", "call_id": "c2", "output": "e"],
    ],
  ]
  private let output: [OutputItem] = [
    .reasoning("so"), .message("Hello"), .toolCall(ToolCall(id: "c3", name: "mcp__x__read", arguments: "{}")),
    .toolCall(ToolCall(id: "c4", name: "patch", arguments: #"{"input":"y"}"#)),
  ]

  private func turn(_ request: GenerationRequest) -> StoredTurn {
    guard case .chat(let input) = request.input else {
      return StoredTurn(id: "", input: [], output: [], modelKey: "", completedAt: 0)
    }
    return StoredTurn(
      id: "resp_ab", previousID: request.previousResponseID, input: input, systemPrompt: request.systemPrompt,
      output: output, modelKey: "m", completedAt: 102_999, finishReason: .toolCalls,
      usage: GenerationUsage(inputTokens: 9, cachedTokens: 4, outputTokens: 7, reasoningTokens: 2),
      record: request.record)
  }

  private func stored() throws -> OpenAIStoredResponse {
    OpenAIStoredResponse(turn(try OpenAIResponses.decode(body, stamp: stamp).request), seal: Self.seal)
  }

  @Test func itIsTheResponseThatWasGivenWithoutItsTools() throws {
    let decoded = try OpenAIResponses.decode(body, stamp: stamp)
    let result = GenerationResult(
      instance: InstanceSelection(
        instanceID: "m", modelKey: "m", architecture: nil, quantization: nil, contextLength: 1), output: output,
      finishReason: .toolCalls, usage: turn(decoded.request).usage, responseID: "resp_ab", completedAt: 102_999)
    let given = OpenAIResponses.body(of: [Answer(result: result)], in: decoded.context)
    #expect(given["completed_at"] == 102 && given["tools"]?.arrayValue?.count == 2)
    #expect(try stored().body() == given.with(["tools": []]))
  }

  @Test func inputItemsAreThoseOfTheRequest() throws {
    let list = try stored().inputItems(OpenAIPage(["order": "asc"]))
    let items = try #require(list["data"]?.arrayValue)
    #expect(
      items.map { $0["type"]?.stringValue } == [
        "message", "message", "reasoning", "message", "function_call", "custom_tool_call", "function_call_output",
        "custom_tool_call_output",
      ])
    #expect(items.compactMap { $0["id"]?.stringValue }.first == "msg_ab_in0")
    #expect(
      items[1]["content"]?.arrayValue?.last == [
        "type": "input_image", "detail": "auto", "image_url": .string(TestImage.dataURL(Self.png)),
      ])
    #expect(items[4]["name"] == "read" && items[4]["namespace"] == "mcp__x")
    #expect(items[5]["input"] == "x\n" && items[7]["output"] == "e")
    #expect(list["has_more"] == false && list["first_id"] == "msg_ab_in0" && list["last_id"] == "ctco_ab_in7")
    // What the list shows is what a request may bring again.
    let again = try OpenAIResponses.decode(body.with(["input": .array(items)]), stamp: stamp).request
    #expect(try again.input == OpenAIResponses.decode(body, stamp: stamp).request.input)
  }

  @Test func inputItemsComeInPages() throws {
    let newest = try stored().inputItems(OpenAIPage(["limit": "3"]))
    #expect(newest["has_more"] == true && newest["first_id"] == "ctco_ab_in7" && newest["last_id"] == "ctc_ab_in5")
    let rest = try stored().inputItems(OpenAIPage(["after": "ctc_ab_in5", "limit": "100"]))
    #expect(rest["data"]?.arrayValue?.count == 5 && rest["has_more"] == false)
    for query in [["limit": "0"], ["limit": "x"], ["order": "up"], ["after": "nothing"]] {
      expectRefusal(.invalidValue, query.keys.first) { () throws(AtelierError) in
        let response = OpenAIStoredResponse(
          StoredTurn(id: "resp_ab", input: [], output: [], modelKey: "m", completedAt: 0), seal: nil)
        return try response.inputItems(OpenAIPage(query))
      }
    }
  }

  @Test func aTurnOfTheNativeAPIIsAResponseToo() throws {
    let turn = StoredTurn(
      id: "resp_cd", previousID: "resp_c", input: [Message(.user, "Hi")], systemPrompt: "S", output: [.message("Ho")],
      modelKey: "m", completedAt: 5000, finishReason: .maxTokens)
    let body = OpenAIStoredResponse(turn, seal: nil).body()
    #expect(body["status"] == "incomplete" && body["created_at"] == 5 && body["model"] == "m")
    #expect(
      body["instructions"] == "S" && body["previous_response_id"] == "resp_c" && body["parallel_tool_calls"] == true)
    #expect(body["output"]?.arrayValue?.first?["status"] == "incomplete")
  }

  @Test func referencesBecomeTheItemsTheyName() throws {
    let turn = turn(try OpenAIResponses.decode(body, stamp: stamp).request)
    let request: JSONValue = [
      "input": [
        ["type": "item_reference", "id": "msg_ab_1"], ["id": "fc_ab_2"], ["id": "msg_ab_in1", "type": .null],
        ["role": "user", "content": "x"], ["id": "msg_unknown_0"], ["id": "msg_ab_77"], 7,
      ]
    ]
    #expect(try OpenAIResponsesReferences.responseIDs(in: request) == ["resp_ab", "resp_unknown"])
    let resolved = OpenAIResponsesReferences.resolved(request, from: [turn], seal: nil)
    let items = try #require(resolved["input"]?.arrayValue)
    #expect(items[0]["content"]?.arrayValue?.first?["text"] == "Hello")
    #expect(items[1]["namespace"] == "mcp__x" && items[2]["role"] == "user")
    #expect(items[3] == ["role": "user", "content": "x"])
    #expect(items[4] == ["id": "msg_unknown_0"] && items[5] == ["id": "msg_ab_77"] && items[6] == 7)
    let many = JSONValue.array((0..<257).map { ["id": .string("msg_\($0)_0")] })
    expectRefusal(.invalidValue, "input") { () throws(AtelierError) in
      try OpenAIResponsesReferences.responseIDs(in: ["input": many])
    }
  }
}
