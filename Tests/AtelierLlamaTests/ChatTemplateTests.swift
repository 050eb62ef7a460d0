import AtelierCore
import AtelierText
import Foundation
import Testing

@testable import AtelierLlama

/// Templates written here, so no model is needed.
struct ChatTemplateTests {
  private static let plain = """
    {%- for message in messages -%}
    <|{{ message.role }}|>{{ message.content }}<|end|>
    {%- endfor -%}
    {%- if add_generation_prompt %}<|assistant|>{% endif -%}
    """
  private static let strict = """
    {%- for message in messages -%}
    {%- if message.role == 'system' and not loop.first %}{{ raise_exception('System message must be first') }}{% endif -%}
    {%- if not loop.first and loop.previtem.role == message.role %}{{ raise_exception('Roles must alternate') }}{% endif -%}
    <|{{ message.role }}|>{{ message.content }}<|end|>
    {%- endfor -%}
    {%- if add_generation_prompt %}<|assistant|>{% endif -%}
    """
  /// Qwen's way of tools and reasoning, shortened.
  static let tools = """
    {%- if tools %}<|im_start|>system
    # Tools
    <tools>
    {%- for tool in tools %}
    {{ tool | tojson }}
    {%- endfor %}
    </tools>

    For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
    <tool_call>
    {"name": <function-name>, "arguments": <args-json-object>}
    </tool_call><|im_end|>
    {% endif -%}
    {%- for message in messages -%}
    {%- if message.role == 'tool' -%}
    <|im_start|>user
    <tool_response>
    {{ message.content }}
    </tool_response><|im_end|>
    {% elif message.role == 'assistant' -%}
    <|im_start|>assistant
    {% if message.reasoning_content %}<think>
    {{ message.reasoning_content }}
    </think>

    {% endif %}{{ message.content }}
    {%- for tool_call in message.tool_calls or [] %}
    <tool_call>
    {"name": "{{ tool_call.function.name }}", "arguments": {{ tool_call.function.arguments | tojson }}}
    </tool_call>
    {%- endfor -%}
    <|im_end|>
    {% else -%}
    <|im_start|>{{ message.role }}
    {{ message.content }}<|im_end|>
    {% endif -%}
    {%- endfor -%}
    {%- if add_generation_prompt %}<|im_start|>assistant
    {% if enable_thinking is defined and enable_thinking is false %}<think>

    </think>

    {% endif %}{% endif -%}
    """

  @Test func templatesAreProbed() throws {
    let plain = MessageNormalizer(probing: try ChatTemplate(source: Self.plain))
    #expect(plain == MessageNormalizer(rendersLaterSystemMessages: true, demandsAlternation: false))
    let strict = MessageNormalizer(probing: try ChatTemplate(source: Self.strict))
    #expect(strict == MessageNormalizer(rendersLaterSystemMessages: false, demandsAlternation: true))
  }

  @Test func normalizedChatSurvivesAStrictTemplate() throws {
    let template = try ChatTemplate(source: Self.strict)
    let normalizer = MessageNormalizer(probing: template)
    let messages = [
      Message(.system, "a"), Message(.system, "b"), Message(.user, "1"), Message(.user, "2"), Message(.assistant, "3"),
      Message(.user, "4"), Message(.system, "c"), Message(.user, "5"),
    ]
    let reply = try template.render(TemplateRequest(messages: normalizer.normalize(messages)))
    #expect(
      reply.prompt == "<|system|>a\n\nb<|end|><|user|>1\n\n2<|end|><|assistant|>3<|end|>"
        + "<|user|>4\n\n<system>c</system>\n\n5<|end|><|assistant|>")
  }

  @Test func imagesSurviveTheMergingOfTurns() {
    let normalizer = MessageNormalizer(rendersLaterSystemMessages: false, demandsAlternation: true)
    let image = ContentPart.image(ImageData(format: .png, bytes: Data([1]), width: 1, height: 1))
    func user(_ content: ContentPart...) -> Message { Message(role: .user, content: content) }
    #expect(
      normalizer.normalize([user(.text("1")), user(.text("2"), image)]) == [user(.text("1"), .text("\n2"), image)])
    #expect(normalizer.normalize([user(.text("1"), image), user(.text("2"))]) == [user(.text("1"), image, .text("2"))])
    let wrapped = normalizer.normalize([user(image), Message(.system, "s"), user(image)])
    #expect(wrapped == [user(image, .text("<system>s</system>"), image)])
  }

  @Test func whatATemplateRaisesIsTold() throws {
    let template = try ChatTemplate(source: Self.strict)
    do throws(BridgeFailure) {
      _ = try template.render(TemplateRequest(messages: [Message(.user, "1"), Message(.user, "2")]))
      Issue.record("the template did not raise")
    } catch {
      #expect(TemplateMessage.forPeople(error.message) == "Roles must alternate")
    }
  }

  @Test(arguments: ["{% for %}", "{{ 1 +", "{% if x %}"])
  func brokenTemplateIsRefused(_ source: String) {
    #expect(throws: BridgeFailure.self) { try ChatTemplate(source: source) }
  }

  private static let weather = TemplateRequest.Tool(
    name: "get_weather", description: "The weather",
    parametersJSON: #"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#)

  private static let answer = """
    <think>
    I should look.
    </think>

    Let me see.
    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Zürich"}}
    </tool_call>
    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Bern"}}
    </tool_call>
    """

  private func weatherReply() throws -> TemplateReply {
    let template = try ChatTemplate(source: Self.tools)
    #expect(template.supportsTools)
    var request = TemplateRequest(messages: [Message(.user, "Weather?")])
    request.tools = [Self.weather]
    request.parallelToolCalls = true
    return try template.render(request)
  }

  @Test(arguments: [1, 2, 3, 7, 1000]) func toolCallsAreReadInAnyChunking(_ size: Int) throws {
    let reply = try weatherReply()
    #expect(reply.prompt.contains(#""get_weather""#))
    #expect(reply.grammarIsLazy)
    #expect(!reply.grammar.isEmpty)
    let characters = Array(Self.answer)
    let pieces = stride(from: 0, to: characters.count, by: size).map { start in
      String(characters[start..<min(start + size, characters.count)])
    }
    try expectAnswer(reply, pieces)
  }

  @Test func toolCallsAreReadWhereverTheTextIsCut() throws {
    let reply = try weatherReply()
    let characters = Array(Self.answer)
    for cut in 0...characters.count {
      try expectAnswer(reply, [String(characters[..<cut]), String(characters[cut...])])
    }
  }

  private func expectAnswer(_ reply: TemplateReply, _ pieces: [String]) throws {
    let parser = try LlamaChatParser(reply, continuation: false)
    var outputs: [ParsedOutput] = []
    for piece in pieces { outputs += parser.feed(piece) }
    outputs += parser.finish()
    var (reasoning, message) = ("", "")
    var calls: [(name: String, arguments: String, finished: Bool)] = []
    for output in outputs {
      switch output {
      case .reasoning(let text): reasoning += text
      case .message(let text): message += text
      case .toolCallStarted(let index, let id, let name):
        #expect(index == calls.count)
        #expect(!id.isEmpty)
        calls.append((name, "", false))
      case .toolCallArguments(let index, let text): calls[index].arguments += text
      case .toolCallFinished(let index): calls[index].finished = true
      }
    }
    #expect(reasoning.trimmingCharacters(in: .whitespacesAndNewlines) == "I should look.")
    #expect(message.trimmingCharacters(in: .whitespacesAndNewlines) == "Let me see.")
    #expect(calls.map(\.name) == ["get_weather", "get_weather"])
    #expect(calls.map(\.finished) == [true, true])
    let arguments = try calls.map { try JSONValue(parsing: $0.arguments) }
    #expect(arguments == [["city": "Zürich"], ["city": "Bern"]])
  }

  @Test func textWithoutACallIsTheMessage() throws {
    var request = TemplateRequest(messages: [Message(.user, "Weather?")])
    request.tools = [Self.weather]
    let parser = try LlamaChatParser(try ChatTemplate(source: Self.tools).render(request), continuation: false)
    let outputs = parser.feed("It is ") + parser.feed("sunny.") + parser.finish()
    let text = outputs.reduce(into: "") { if case .message(let text) = $1 { $0 += text } }
    #expect(text == "It is sunny.")
  }

  @Test func argumentsThatAreNoJSONReachTheTemplateAsRaw() throws {
    let call = ToolCall(id: "1", name: "get_weather", arguments: "not json")
    let reply = try ChatTemplate(source: Self.tools).render(
      TemplateRequest(messages: [
        Message(.user, "x"), Message(role: .assistant, content: [], toolCalls: [call]),
        Message(role: .tool, content: [.text("sunny")], toolCallID: "1"), Message(.user, "y"),
      ]))
    #expect(reply.prompt.contains("_raw"))
    #expect(reply.prompt.contains("not json"))
  }

  @Test func thinkingTagsAreFound() throws {
    let template = try ChatTemplate(source: Self.tools)
    var request = TemplateRequest(messages: [Message(.user, "x")])
    let on = try template.render(request)
    #expect(on.supportsThinking)
    #expect(on.thinkingStart == "<think>")
    #expect(on.thinkingEnds.first == "</think>")
    #expect(!on.startsThinking)
    request.enableThinking = false
    let off = try template.render(request)
    #expect(off.generationPrompt.contains("</think>"))
    #expect(!off.startsThinking)
  }
}
