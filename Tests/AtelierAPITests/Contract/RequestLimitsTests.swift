import AtelierAPI
import AtelierCore
import Foundation
import Testing

/// Every size of the threat model's table, at its limit and one above, in every dialect that has the field.
struct RequestLimitsTests {
  enum Body { case native, chat, completions, responses, messages, embeddings, rerank }

  struct Line: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var body: Body
    var limit: Int
    var changes: @Sendable (Int) -> KeyValuePairs<String, JSONValue?>
  }

  private static let stamp = ResponseStamp(created: 1, token: "abc")

  private static let turn: JSONValue = [["role": "user", "content": "Hi"]]
  private static let bodies: [Body: JSONValue] = [
    .native: ["model": "m", "input": "Hi"], .chat: ["model": "m", "messages": turn],
    .completions: ["model": "m", "prompt": "Hi"], .responses: ["model": "m", "input": "Hi"],
    .messages: ["model": "m", "max_tokens": 5, "messages": turn], .embeddings: ["model": "m", "input": "Hi"],
    .rerank: ["model": "m", "query": "q", "documents": ["d"]],
  ]

  private static func decode(
    _ kind: Body, _ changes: KeyValuePairs<String, JSONValue?>
  ) throws(AtelierError) {
    let body = bodies[kind, default: [:]].with(changes)
    switch kind {
    case .native: _ = try LMStudioV1Chat.decode(body, stamp: stamp)
    case .chat: _ = try OpenAIChat.decode(body, stamp: stamp)
    case .completions: _ = try OpenAICompletions.decode(body, stamp: stamp)
    case .responses: _ = try OpenAIResponses.decode(body, stamp: stamp)
    case .messages: _ = try AnthropicMessages.decode(body, stamp: stamp)
    case .embeddings: _ = try OpenAIEmbeddings.decode(body)
    case .rerank: _ = try OpenAIRerank.decode(body, stamp: stamp)
    }
  }

  private static func list(_ value: JSONValue, _ count: Int) -> JSONValue {
    .array(Array(repeating: value, count: count))
  }

  private static func text(_ count: Int) -> JSONValue { .string(String(repeating: "x", count: count)) }

  /// A schema of so many bytes when it is written: `{"description":"…"}`.
  private static func schema(_ bytes: Int) -> JSONValue { ["description": text(bytes - 18)] }

  private static let image = TestImage.dataURL(TestImage.png(width: 1, height: 1))

  private static func function(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    ["type": "function", "function": (["name": "f"] as JSONValue).with(members)]
  }

  private static func flat(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    (["type": "function", "name": "f"] as JSONValue).with(members)
  }

  private static func named(_ count: Int, _ tool: (String) -> JSONValue) -> JSONValue {
    .array((0..<count).map { tool("f\($0)") })
  }

  /// Statement by statement, which the compiler takes better than one long list.
  static let lines: [Line] = {
    var lines: [Line] = []
    func add(
      _ name: String, _ body: Body, _ limit: Int,
      _ changes: @escaping @Sendable (Int) -> KeyValuePairs<String, JSONValue?>
    ) {
      lines.append(Line(testDescription: "\(body) \(name)", body: body, limit: limit, changes: changes))
    }

    // Messages.
    add("messages", .chat, 4096) { ["messages": list(["role": "user", "content": "a"], $0)] }
    add("messages", .messages, 4096) { ["messages": list(["role": "user", "content": "a"], $0)] }
    add("items", .responses, 4096) { ["input": list(["role": "user", "content": "a"], $0)] }
    // Tools: how many, and how large each may be.
    add("tools", .chat, 256) { ["tools": named($0) { function(["name": .string($0)]) }] }
    add("tools", .responses, 256) { ["tools": named($0) { flat(["name": .string($0)]) }] }
    add("tools", .messages, 256) { ["tools": named($0) { ["name": .string($0), "input_schema": [:]] }] }
    add("tool name", .chat, 256) { ["tools": [function(["name": text($0)])]] }
    add("tool name", .responses, 256) { ["tools": [flat(["name": text($0)])]] }
    add("tool name", .messages, 256) { ["tools": [["name": text($0), "input_schema": [:]]]] }
    add("tool description", .chat, 16 << 10) { ["tools": [function(["description": text($0)])]] }
    add("tool description", .responses, 16 << 10) { ["tools": [flat(["description": text($0)])]] }
    add("tool description", .messages, 16 << 10) {
      ["tools": [["name": "f", "description": text($0), "input_schema": [:]]]]
    }
    add("tool schema", .chat, 64 << 10) { ["tools": [function(["parameters": schema($0)])]] }
    add("tool schema", .responses, 64 << 10) { ["tools": [flat(["parameters": schema($0)])]] }
    add("tool schema", .messages, 64 << 10) { ["tools": [["name": "f", "input_schema": schema($0)]]] }
    // Images.
    add("images", .native, 16) { ["input": list(["type": "image", "data_url": .string(image)], $0)] }
    add("images", .chat, 16) {
      [
        "messages": [
          ["role": "user", "content": list(["type": "image_url", "image_url": ["url": .string(image)]], $0)]
        ]
      ]
    }
    add("images", .responses, 16) {
      ["input": [["role": "user", "content": list(["type": "input_image", "image_url": .string(image)], $0)]]]
    }
    add("images", .messages, 16) {
      let source: JSONValue = [
        "type": "base64", "media_type": "image/png",
        "data": .string(TestImage.png(width: 1, height: 1).base64EncodedString()),
      ]
      return ["messages": [["role": "user", "content": list(["type": "image", "source": source], $0)]]]
    }
    // Stop strings.
    add("stop strings", .chat, 16) { ["stop": list("a", $0)] }
    add("stop strings", .completions, 16) { ["stop": list("a", $0)] }
    add("stop strings", .messages, 16) { ["stop_sequences": list("a", $0)] }
    add("stop string", .chat, 256) { ["stop": text($0)] }
    add("stop string", .completions, 256) { ["stop": text($0)] }
    add("stop string", .messages, 256) { ["stop_sequences": [text($0)]] }
    // Numbers of things to come back.
    add("logit bias", .chat, 1024) { ["logit_bias": .object(JSONObject((0..<$0).map { (String($0), 1) }))] }
    add("logit bias", .completions, 1024) { ["logit_bias": .object(JSONObject((0..<$0).map { (String($0), 1) }))] }
    add("top logprobs", .chat, 20) { ["logprobs": true, "top_logprobs": .integer(Int64($0))] }
    add("top logprobs", .responses, 20) {
      ["include": ["message.output_text.logprobs"], "top_logprobs": .integer(Int64($0))]
    }
    add("choices", .chat, 8) { ["n": .integer(Int64($0))] }
    add("choices", .completions, 8) { ["n": .integer(Int64($0))] }
    add("prompts", .completions, 32) { ["prompt": list("a", $0)] }
    add("prompts times samples", .completions, 32) { ["prompt": list("a", $0 == 32 ? 16 : 17), "n": 2] }
    add("inputs", .embeddings, 2048) { ["input": list("a", $0)] }
    add("documents", .rerank, 2048) { ["documents": list("a", $0)] }
    // Servers of tools.
    add("tool servers", .native, 8) {
      ["integrations": .array((0..<$0).map { ["type": "plugin", "id": .string("mcp/\($0)")] })]
    }
    let server: JSONValue = ["type": "ephemeral_mcp", "server_label": "a", "server_url": "https://a.example/"]
    add("headers of a server", .native, 32) {
      ["integrations": [server.with(["headers": .object(JSONObject((0..<$0).map { ("h\($0)", "v") }))])]]
    }
    add("allowed tools", .native, 256) { ["integrations": [server.with(["allowed_tools": list("a", $0)])]] }
    return lines
  }()

  @Test(arguments: lines)
  func theLimitIsAcceptedAndOneMoreIsNot(line: Line) throws {
    try Self.decode(line.body, line.changes(line.limit))
    let error = Self.refusal(line.body, line.changes(line.limit + 1))
    #expect(error != nil && error?.param != nil, "\(error?.message ?? "accepted")")
    // The rule is named.
    #expect(error?.message.contains(String(line.limit)) == true, "\(error?.message ?? "")")
  }

  private static func refusal(_ kind: Body, _ changes: KeyValuePairs<String, JSONValue?>) -> AtelierError? {
    do throws(AtelierError) {
      try decode(kind, changes)
      return nil
    } catch {
      return error
    }
  }

  @Test func documentsAreBounded() throws {
    func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    func wide(_ count: Int) -> String { "[" + Array(repeating: "0", count: count).joined(separator: ",") + "]" }
    for (limit, document) in [(128, nested), (100_000, wide)] {
      _ = try JSONValue(parsing: document(limit))
      let error = #expect(throws: JSONParseError.self) { try JSONValue(parsing: document(limit + 1)) }
      #expect(error?.reason.contains(String(limit)) == true)
    }
  }
}
