import AtelierCore
import CLlamaBridge
import Foundation

/// A model's chat template, run by llama.cpp's Jinja interpreter. The parsed template is only read, so any thread may
/// render; that is what makes it `@unchecked Sendable`.
final class ChatTemplate: @unchecked Sendable {
  private let pointer: OpaquePointer
  /// The template's text as llama.cpp runs it.
  let source: String
  /// The template lists tools and renders calls by itself.
  let supportsTools: Bool

  /// The model's own template, or ChatML's.
  convenience init(model: LlamaModel) throws(BridgeFailure) {
    try self.init(bridgeCall { atelier_templates_create(model.pointer, $0) }.get())
  }

  /// A template's text in place of the model's own.
  convenience init(source: String, model: LlamaModel) throws(BridgeFailure) {
    try self.init(bridgeCall { atelier_templates_create_replacing(model.pointer, source, $0) }.get())
  }

  /// A template's text, apart from any model.
  convenience init(source: String, beginning: String = "", end: String = "") throws(BridgeFailure) {
    try self.init(bridgeCall { atelier_templates_create_from_source(source, beginning, end, $0) }.get())
  }

  private init(_ pointer: OpaquePointer) throws(BridgeFailure) {
    self.pointer = pointer
    let text = bridgeText { atelier_templates_describe(pointer, $0) }
    let description = Self.parse((try? text.get()) ?? "{}")
    source = description?["source"]?.stringValue ?? ""
    supportsTools = description?["supports_tools"]?.boolValue ?? false
  }

  deinit { atelier_templates_free(pointer) }

  /// Throws what the template raised.
  func render(_ request: TemplateRequest) throws(BridgeFailure) -> TemplateReply {
    let text = try bridgeText { atelier_templates_apply(pointer, request.json.serialized(), $0) }.get()
    guard let reply = Self.parse(text).flatMap(TemplateReply.init) else {
      throw BridgeFailure(message: "the rendered prompt could not be read")
    }
    return reply
  }

  private static func parse(_ text: String) -> JSONValue? {
    try? JSONValue(parsing: text, limits: JSONLimits(depth: 16, members: 1_000_000))
  }
}

/// What a template is rendered with.
struct TemplateRequest: Sendable {
  struct Tool: Sendable {
    var name: String
    var description: String
    var parametersJSON: String
  }

  enum Choice: String, Sendable { case auto, none, required }

  var messages: [Message]
  var tools: [Tool] = []
  var toolChoice = Choice.auto
  var parallelToolCalls = false
  /// JSON text; empty for none.
  var schema = ""
  var enableThinking = true
  /// JSON text of an object.
  var argumentsJSON = "{}"
  /// The last message is the beginning of the answer.
  var continuesLastMessage = false

  var json: JSONValue {
    [
      "messages": .array(messages.map(Self.json(of:))),
      "tools": .array(
        tools.map { tool in
          [
            "name": .string(tool.name), "description": .string(tool.description),
            "parameters": .string(tool.parametersJSON),
          ]
        }),
      "tool_choice": .string(toolChoice.rawValue),
      "parallel_tool_calls": .bool(parallelToolCalls),
      "json_schema": .string(schema),
      "enable_thinking": .bool(enableThinking),
      "arguments": .string(argumentsJSON),
      "continue_final_message": .bool(continuesLastMessage),
      "add_generation_prompt": true,
    ]
  }

  /// OpenAI's form, which llama.cpp reads.
  private static func json(of message: Message) -> JSONValue {
    var object: JSONObject = ["role": .string(message.role.rawValue), "content": .string(message.text)]
    if let reasoning = message.reasoning, !reasoning.isEmpty { object["reasoning_content"] = .string(reasoning) }
    if !message.toolCalls.isEmpty {
      object["tool_calls"] = .array(
        message.toolCalls.map { call in
          [
            "type": "function", "id": .string(call.id),
            "function": ["name": .string(call.name), "arguments": .string(call.arguments)],
          ]
        })
    }
    if let id = message.toolCallID { object["tool_call_id"] = .string(id) }
    if let name = message.name { object["name"] = .string(name) }
    return .object(object)
  }
}

/// What came out of a template, and how the answer is to be constrained and read.
struct TemplateReply: Sendable {
  var prompt: String
  /// The end of the prompt that begins the answer, such as `<|im_start|>assistant\n<think>\n`.
  var generationPrompt: String
  var grammar: String
  var grammarIsLazy: Bool
  var triggerWords: [String]
  var triggerPatterns: [String]
  var triggerTokens: [Int32]
  var stops: [String]
  var preserved: [String]
  var supportsThinking: Bool
  var thinkingStart: String
  var thinkingEnds: [String]
  var format: Int
  var parser: String
  /// What the operator says reasoning stands between; nil: what the template shows.
  var givenTags: ReasoningTags?

  init?(_ json: JSONValue) {
    guard let prompt = json["prompt"]?.stringValue, let format = json["format"]?.integerValue else { return nil }
    func text(_ key: String) -> String { json[key]?.stringValue ?? "" }
    func texts(_ key: String) -> [String] { json[key]?.arrayValue?.compactMap(\.stringValue) ?? [] }
    self.prompt = prompt
    self.format = format
    generationPrompt = text("generation_prompt")
    grammar = text("grammar")
    grammarIsLazy = json["grammar_lazy"]?.boolValue ?? false
    triggerWords = texts("trigger_words")
    triggerPatterns = texts("trigger_patterns")
    triggerTokens =
      json["trigger_tokens"]?.arrayValue?.compactMap { $0.integerValue.flatMap(Int32.init(exactly:)) } ?? []
    stops = texts("stops")
    preserved = texts("preserved")
    supportsThinking = json["supports_thinking"]?.boolValue ?? false
    thinkingStart = text("thinking_start")
    thinkingEnds = texts("thinking_ends")
    parser = text("parser")
  }

  /// The prompt ends inside a block of reasoning.
  var startsThinking: Bool {
    guard !thinkingStart.isEmpty, let start = generationPrompt.range(of: thinkingStart, options: .backwards) else {
      return false
    }
    return !thinkingEnds.contains { generationPrompt[start.upperBound...].contains($0) }
  }
}
