import AtelierAPI
import AtelierCore
import AtelierTesting
import Testing

/// Random streams that keep the event contract: in every dialect the pieces of the stream join to the whole answer.
struct StreamPropertyTests {
  private static let stamp = ResponseStamp(
    created: 1, token: "token", requestID: "req_1", responseID: "resp_ab", seal: ReasoningSeal(key: [1]))
  private static let seeds = 0..<400

  private struct Case {
    var events: [GenerationEvent]
    var answer: Answer
  }

  private func example(_ seed: Int) throws -> Case {
    var random = RandomEvents(seed: UInt64(seed))
    let events = random.stream()
    try #require(EventContract.violations(in: events) == [], "seed \(seed)")
    var fold = EventFold()
    for event in events { fold.add(event) }
    return Case(events: events, answer: try #require(Answer(fold)))
  }

  /// The data of the frames, and the body; with the frames' names checked against `data.type` if they have any.
  private func rendered<D: Dialect>(
    _ dialect: D.Type, _ body: JSONValue, _ example: Case
  ) throws -> (frames: [JSONValue], body: JSONValue) {
    let context = try D.decode(body, stamp: Self.stamp).context
    var encoder = D.encoder(for: context)
    var frames: [JSONValue] = []
    for event in example.events {
      for frame in encoder.encode(event) {
        guard case .event(let name, let data) = frame, data != Array("[DONE]".utf8) else { continue }
        let value = try JSONValue(parsing: data)
        if let name { #expect(value["type"]?.stringValue == name) }
        frames.append(value)
      }
    }
    return (frames, D.body(of: [example.answer], in: context))
  }

  private func joined(_ values: some Sequence<JSONValue?>) -> String {
    values.compactMap { $0?.stringValue }.joined()
  }

  // MARK: OpenAI

  @Test func openAIChat() throws {
    for seed in Self.seeds {
      let example = try example(seed)
      try checkChat(try rendered(OpenAIChat.self, ["messages": [["role": "user", "content": "x"]]], example))
      try checkChat(try rendered(LMStudioV0Chat.self, ["messages": [["role": "user", "content": "x"]]], example))
    }
  }

  private func checkChat(_ answer: (frames: [JSONValue], body: JSONValue)) throws {
    let deltas = answer.frames.compactMap { $0["choices"]?.arrayValue?.first?["delta"] }
    let choice = try #require(answer.body["choices"]?.arrayValue?.first)
    let message = try #require(choice["message"])
    #expect(joined(deltas.map { $0["content"] }) == message["content"]?.stringValue ?? "")
    #expect(joined(deltas.map { $0["reasoning_content"] }) == message["reasoning_content"]?.stringValue ?? "")
    let pieces = deltas.flatMap { $0["tool_calls"]?.arrayValue ?? [] }
    let calls = message["tool_calls"]?.arrayValue ?? []
    for (index, call) in calls.enumerated() {
      let own = pieces.filter { $0["index"]?.integerValue == index }
      #expect(own.compactMap { $0["id"] } == [try #require(call["id"])])
      #expect(joined(own.map { $0["function"]?["arguments"] }) == call["function"]?["arguments"]?.stringValue)
    }
    #expect(pieces.allSatisfy { $0["index"]?.integerValue ?? -1 < calls.count })
    let reasons = answer.frames.compactMap { $0["choices"]?.arrayValue?.first?["finish_reason"]?.stringValue }
    #expect(reasons == [try #require(choice["finish_reason"]?.stringValue)])
  }

  @Test func openAICompletions() throws {
    for seed in Self.seeds { try checkCompletion(seed) }
  }

  private func checkCompletion(_ seed: Int) throws {
    let answer = try rendered(OpenAICompletions.self, ["prompt": "Once ", "echo": true], example(seed))
    let choice = try #require(answer.body["choices"]?.arrayValue?.first)
    #expect(
      joined(answer.frames.map { $0["choices"]?.arrayValue?.first?["text"] }) == choice["text"]?.stringValue)
    #expect(answer.frames.last?["choices"]?.arrayValue?.first?["finish_reason"] == choice["finish_reason"])
  }

  // MARK: Responses

  /// `f1` and `f2` are custom tools, so that their arguments take the other way.
  private static let responsesBody: JSONValue = [
    "input": "x", "include": ["reasoning.encrypted_content"],
    "tools": [
      ["type": "custom", "name": "f1"],
      ["type": "namespace", "name": "space", "tools": [["type": "custom", "name": "f2"]]],
    ],
  ]

  @Test func openAIResponses() throws {
    for seed in Self.seeds {
      let answer = try rendered(OpenAIResponses.self, Self.responsesBody, example(seed))
      var response = ResponseAccumulator()
      for frame in answer.frames { try response.add(frame) }
      #expect(response.final == answer.body, "seed \(seed)")
      #expect(response.accumulated == answer.body["output"]?.arrayValue, "seed \(seed)")
    }
  }

  // MARK: Native

  @Test func native() throws {
    for seed in Self.seeds { try checkNative(seed) }
  }

  private func checkNative(_ seed: Int) throws {
    let answer = try rendered(LMStudioV1Chat.self, ["model": "m", "input": "x"], example(seed))
    for kind in ["message", "reasoning"] {
      let items = (answer.body["output"]?.arrayValue ?? []).filter { $0["type"]?.stringValue == kind }
      let deltas = answer.frames.filter { $0["type"]?.stringValue == kind + ".delta" }
      #expect(joined(deltas.map { $0["content"] }) == joined(items.map { $0["content"] }))
    }
    #expect(answer.frames.last?["result"]?["output"] == answer.body["output"])
  }

  // MARK: Anthropic

  @Test(arguments: ["shown", "omitted", "hidden"]) func anthropic(thinking: String) throws {
    for seed in Self.seeds { try checkMessage(seed, thinking) }
  }

  private func checkMessage(_ seed: Int, _ thinking: String) throws {
    var body: JSONValue = ["model": "tiny", "max_tokens": 9, "messages": [["role": "user", "content": "x"]]]
    if thinking != "hidden" {
      body = body.with(["thinking": ["type": "adaptive", "display": .string(thinking)]])
    }
    let answer = try rendered(AnthropicMessages.self, body, example(seed))
    var blocks = MessageAccumulator()
    for frame in answer.frames { try blocks.add(frame) }
    let message = try #require(blocks.message)
    for key in ["id", "model", "stop_reason", "stop_sequence", "usage"] { #expect(message[key] == answer.body[key]) }
    #expect(message["content"] == answer.body["content"])
    #expect(blocks.isStopped)
  }
}

/// What the vendor's SDK does with the events of a streamed message; stricter where it would only go wrong later.
private struct MessageAccumulator {
  struct Broken: Error { var frame: JSONValue }

  private(set) var message: JSONObject?
  private(set) var isStopped = false
  private var blocks: [JSONObject] = []
  private var json = ""
  private var isOpen = false

  mutating func add(_ frame: JSONValue) throws {
    guard let type = frame["type"]?.stringValue, !isStopped else { throw Broken(frame: frame) }
    if type == "message_start" ? message != nil : message == nil { throw Broken(frame: frame) }
    switch type {
    case "message_start": message = frame["message"]?.objectValue
    case "ping": break
    case "content_block_start":
      guard !isOpen, frame["index"]?.integerValue == blocks.count, let block = frame["content_block"]?.objectValue
      else { throw Broken(frame: frame) }
      blocks.append(block)
      json = ""
      isOpen = true
    case "content_block_delta":
      guard isOpen, frame["index"]?.integerValue == blocks.count - 1, let delta = frame["delta"]?.objectValue else {
        throw Broken(frame: frame)
      }
      apply(delta)
    case "content_block_stop":
      guard isOpen, frame["index"]?.integerValue == blocks.count - 1 else { throw Broken(frame: frame) }
      isOpen = false
      if blocks[blocks.count - 1]["type"] == "tool_use" {
        // A call that the limit cut off is in the stream already; the whole answer leaves it out.
        if let input = try? JSONValue(parsing: json) {
          blocks[blocks.count - 1]["input"] = input
        } else {
          blocks.removeLast()
        }
      }
    case "message_delta":
      guard !isOpen else { throw Broken(frame: frame) }
      for (key, value) in frame["delta"]?.objectValue ?? [:] { message?[key] = value }
      message?["usage"] = frame["usage"]
      message?["content"] = .array(blocks.map(JSONValue.object))
    case "message_stop": isStopped = true
    default: throw Broken(frame: frame)
    }
  }

  private mutating func apply(_ delta: JSONObject) {
    for key in ["text", "thinking", "signature"] {
      guard let piece = delta[key]?.stringValue else { continue }
      blocks[blocks.count - 1][key] = .string((blocks[blocks.count - 1][key]?.stringValue ?? "") + piece)
    }
    json += delta["partial_json"]?.stringValue ?? ""
  }
}

/// What the vendor's SDK does with the events of a streamed response; stricter where it would only go wrong later.
private struct ResponseAccumulator {
  struct Broken: Error { var frame: JSONValue }

  /// The response of the last event.
  private(set) var final: JSONValue?
  /// The items as their events tell of them.
  private(set) var accumulated: [JSONValue] = []
  private var sequence = 0
  private var id: JSONValue?
  /// The open item, and what its deltas and its `.done` said.
  private var item: JSONValue?
  private var text = ""
  private var whole: String?

  mutating func add(_ frame: JSONValue) throws {
    guard let type = frame["type"]?.stringValue, frame["sequence_number"]?.integerValue == sequence, final == nil,
      frame["error"] == nil, sequence > 0 || type == "response.created"
    else { throw Broken(frame: frame) }
    sequence += 1
    if let response = frame["response"] { return try lifecycle(type, response, frame) }
    guard frame["output_index"]?.integerValue == accumulated.count else { throw Broken(frame: frame) }
    let name = String(type.dropFirst("response.".count))
    if name == "output_item.added" {
      guard item == nil, let added = frame["item"] else { throw Broken(frame: frame) }
      (item, text, whole) = (added, "", nil)
      return
    }
    guard let item, frame["item_id"] == nil || frame["item_id"] == item["id"] else { throw Broken(frame: frame) }
    switch name {
    case "output_item.done": try close(frame["item"], item, frame)
    case "content_part.added", "content_part.done", "mcp_call.in_progress", "mcp_call.completed", "mcp_call.failed":
      break
    case let name where name.hasSuffix(".delta"): text += frame["delta"]?.stringValue ?? ""
    case let name where name.hasSuffix(".done"):
      whole = (frame["text"] ?? frame["arguments"] ?? frame["input"])?.stringValue
    default: throw Broken(frame: frame)
    }
  }

  private mutating func lifecycle(_ type: String, _ response: JSONValue, _ frame: JSONValue) throws {
    if id == nil { id = response["id"] }
    guard response["id"] == id,
      type == "response.\(response["status"]?.stringValue ?? "")" || type == "response.created"
    else { throw Broken(frame: frame) }
    if type == "response.created" || type == "response.in_progress" {
      guard response["output"] == [], response["usage"] == .null else { throw Broken(frame: frame) }
    } else {
      guard item == nil else { throw Broken(frame: frame) }
      final = response
    }
  }

  private mutating func close(_ done: JSONValue?, _ added: JSONValue, _ frame: JSONValue) throws {
    let content = done?["content"]?.arrayValue?.first?["text"] ?? done?["arguments"] ?? done?["input"]
    guard let done, done["id"] == added["id"], done["type"] == added["type"], done["call_id"] == added["call_id"],
      done["name"] == added["name"], content?.stringValue == text, whole == nil || whole == text
    else { throw Broken(frame: frame) }
    accumulated.append(done)
    item = nil
  }
}
