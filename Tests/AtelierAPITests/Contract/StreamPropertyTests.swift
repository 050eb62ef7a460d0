import AtelierAPI
import AtelierCore
import AtelierTesting
import Testing

/// Random streams that keep the event contract: in every dialect the pieces of the stream join to the whole answer.
struct StreamPropertyTests {
  private static let stamp = ResponseStamp(created: 1, token: "token", requestID: "req_1")
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
