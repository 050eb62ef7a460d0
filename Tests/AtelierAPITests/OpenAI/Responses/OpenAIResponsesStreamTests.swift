import AtelierAPI
import AtelierCore
import Testing

/// What the golden files do not show: forms of tools, ends that are none of the model's, silence.
struct OpenAIResponsesStreamTests {
  private static let opening: [GenerationEvent] = [
    .promptStarted, .promptFinished(PromptUsage(tokens: 3, cachedTokens: 0)),
  ]

  private func encoder(_ changes: KeyValuePairs<String, JSONValue?> = [:]) throws -> OpenAIResponsesStreamEncoder {
    let body: JSONValue = [
      "model": "m", "input": "x", "stream": true,
      "tools": [
        ["type": "custom", "name": "patch"],
        ["type": "namespace", "name": "mcp__x", "tools": [["type": "function", "name": "read"]]],
      ],
    ]
    let stamp = ResponseStamp(created: 1, token: "t", responseID: "resp_ab")
    return OpenAIResponses.encoder(for: try OpenAIResponses.decode(body.with(changes), stamp: stamp).context)
  }

  private func data(_ frames: [ServerSentEvent]) throws -> [JSONValue] {
    try frames.compactMap { frame in
      guard case .event(_, let data) = frame else { return nil }
      return try JSONValue(parsing: data)
    }
  }

  private func types(_ frames: [JSONValue]) -> [String] {
    frames.compactMap { $0["type"]?.stringValue.map { String($0.dropFirst("response.".count)) } }
  }

  private func call(_ name: String, _ pieces: [String], _ end: FinishReason = .toolCalls) -> [GenerationEvent] {
    let call = ToolCall(id: "call_1", name: name, arguments: pieces.joined())
    return Self.opening + [.toolCallStarted(ToolCallHead(id: call.id, name: name))]
      + pieces.map(GenerationEvent.toolCallArgumentsDelta) + [
        .toolCallArguments(call, provider: nil),
        .finished(GenerationResult(output: [.toolCall(call)], finishReason: end)),
      ]
  }

  private func run(_ events: [GenerationEvent]) throws -> [JSONValue] {
    var encoder = try encoder()
    return try data(events.flatMap { encoder.encode($0) })
  }

  @Test func aCallOfANamespaceComesBackAsItWasDeclared() throws {
    let frames = try run(call("mcp__x__read", ["{\"a\":", "1}"]))
    #expect(
      types(frames) == [
        "created", "in_progress", "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done", "completed",
      ])
    let item: JSONValue = [
      "id": "fc_ab_0", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "read",
      "arguments": "{\"a\":1}", "namespace": "mcp__x",
    ]
    #expect(frames[6]["item"] == item && frames[7]["response"]?["output"] == [item])
    #expect(frames[2]["item"] == item.with(["status": "in_progress", "arguments": ""]))
    #expect(frames[5]["name"] == "read")
  }

  @Test func aCustomToolsTextStreamsDecoded() throws {
    let frames = try run(call("patch", ["{\"in", "put\": \"a\\", "nb\\u00e9", " c\"}"]))
    #expect(
      types(frames) == [
        "created", "in_progress", "output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.delta",
        "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done", "completed",
      ])
    #expect(frames.compactMap { $0["delta"]?.stringValue } == ["a", "\nbé", " c"])
    #expect(
      frames[7]["item"] == [
        "id": "ctc_ab_0", "type": "custom_tool_call", "status": "completed", "call_id": "call_1", "name": "patch",
        "input": "a\nbé c",
      ])
  }

  @Test(arguments: [("{\"a\":1", "incomplete"), ("{\"a\":1}", "completed"), ("", "incomplete")])
  func aCallThatTheLimitCutIsNotWhole(arguments: String, status: String) throws {
    let frames = try run(call("read", arguments.isEmpty ? [] : [arguments], .maxTokens))
    let response = try #require(frames.last?["response"])
    #expect(types(frames).last == "incomplete" && response["status"] == "incomplete")
    #expect(response["incomplete_details"] == ["reason": "max_output_tokens"] && response["completed_at"] == .null)
    #expect(response["output"]?.arrayValue?.first?["status"]?.stringValue == status)
    #expect(response["output"]?.arrayValue?.first?["arguments"]?.stringValue == arguments)
  }

  @Test func aFailureClosesWhatIsOpen() throws {
    var encoder = try encoder()
    var events = Self.opening + [.messageStarted, .messageDelta("Hal", []), .messageFinished]
    events += [
      .failed(AtelierError(.engineDied, "It died.")), .finished(GenerationResult(finishReason: .failed)),
    ]
    let frames = try data(events.flatMap { encoder.encode($0) })
    #expect(types(frames).suffix(4) == ["output_text.done", "content_part.done", "output_item.done", "failed"])
    let response = try #require(frames.last?["response"])
    #expect(response["status"] == "failed" && response["error"] == ["code": "server_error", "message": "It died."])
    #expect(response["output"]?.arrayValue?.first?["status"] == "incomplete" && response["usage"] == .null)
    let sign = encoder.keepAlive()
    #expect(sign == nil)
  }

  @Test(arguments: [
    (AtelierError.Code.contextLengthExceeded, "context_length_exceeded"), (.serverBusy, "rate_limit_exceeded"),
    (.shuttingDown, "server_is_overloaded"), (.modelUnloaded, "server_is_overloaded"),
    (.templateFailed, "invalid_prompt"),
    (.invalidJSONSchema, "invalid_prompt"), (.generationFailed, "server_error"), (.internalError, "server_error"),
  ])
  func failuresHaveTheCodesThatCodexKnows(code: AtelierError.Code, wire: String) throws {
    let frames = try run([.failed(AtelierError(code, "x"))])
    #expect(types(frames) == ["created", "in_progress", "failed"])
    #expect(frames.last?["response"]?["error"]?["code"]?.stringValue == wire)
  }

  @Test func silenceIsFilledWithEventsThatCount() throws {
    var encoder = try encoder()
    var frames: [ServerSentEvent] = []
    for _ in 0..<3 { frames += [encoder.keepAlive()].compactMap(\.self) }
    for event in Self.opening { frames += encoder.encode(event) }
    frames += encoder.encode(.messageStarted) + encoder.encode(.messageDelta("a", []))
    frames += [encoder.keepAlive()].compactMap(\.self)
    let data = try data(frames)
    #expect(
      types(data) == [
        "created", "in_progress", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "in_progress",
      ])
    #expect(data.compactMap { $0["sequence_number"]?.integerValue } == Array(0..<7))
  }

  @Test func anAnswerThatTheClientEndedIsCancelled() throws {
    var encoder = try encoder()
    var frames: [ServerSentEvent] = []
    for event in Self.opening + [.messageStarted, .messageDelta("a", [])] { frames += encoder.encode(event) }
    frames += encoder.encode(.finished(GenerationResult(finishReason: .userStopped)))
    let response = try #require(try data(frames).last?["response"])
    #expect(types(try data(frames)).last == "incomplete" && response["status"] == "cancelled")
    #expect(response["output"]?.arrayValue?.first?["status"] == "incomplete")
    #expect(response["incomplete_details"] == .null)
  }
}
