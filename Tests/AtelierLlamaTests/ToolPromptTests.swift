import AtelierCore
import AtelierEngine
import AtelierText
import AtelierWorker
import Testing

@testable import AtelierLlama

/// Tools on a model whose template knows nothing of them, and on one that does (the same vocabulary with another template).
@Suite(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"))
struct ToolPromptTests {
  private static let tool = ToolDefinition(
    name: "get_time", description: "The time",
    parametersJSON: #"{"type":"object","properties":{"zone":{"enum":["UTC"]}},"required":["zone"]}"#)
  private static let call = "<tool_call>\n{\"name\": \"get_time\", \"arguments\": {\"zone\":\"UTC\"}}\n</tool_call>"
  private static let schema =
    #"{"type":"object","properties":{"n":{"type":"integer","maximum":9,"minimum":0}},"required":["n"]}"#

  private func prompt(_ change: (inout EngineRequest) -> Void = { _ in }) throws -> RenderedPrompt {
    var request = EngineRequest(input: .chat([Message(.user, "Time?")]), tools: [Self.tool])
    change(&request)
    return try TestModel.backend.get().renderPrompt(
      request, messages: [Message(.user, "Time?")], for: .generating { true })
  }

  /// Whether the grammar lets the text be said and end there.
  private func allows(_ text: String, _ grammar: GrammarConstraint) throws -> Bool {
    let backend = try TestModel.backend.get()
    let state = try TestModel.runner(contextLength: 64).makeConstraint(grammar)
    for token in backend.tokenize(text, addSpecial: false, parseSpecial: false) {
      guard state.allows(token) else { return false }
      state.accept(token)
    }
    return state.allows(backend.tokenize("<|im_end|>", addSpecial: false, parseSpecial: true)[0])
  }

  @Test func aForcedCallIsAllThatMayCome() throws {
    for choice in [ToolChoice.required, .named("get_time")] {
      let grammar = try #require(try prompt { $0.toolChoice = choice }.grammar)
      #expect(grammar.triggers.isEmpty)
      #expect(try allows(Self.call, grammar))
      #expect(try allows(Self.call + "\n" + Self.call, grammar))
      #expect(try !allows("Well. " + Self.call, grammar))
      #expect(try !allows(Self.call.replacing("UTC", with: "CET"), grammar))
    }
    let single = try #require(
      try prompt {
        $0.toolChoice = .required
        $0.parallelToolCalls = false
      }.grammar)
    #expect(try allows(Self.call, single))
    #expect(try !allows(Self.call + "\n" + Self.call, single))
  }

  @Test func aFreeModelIsHeldFromTheTagOn() throws {
    let grammar = try #require(try prompt().grammar)
    #expect(try allows("It is noon.", grammar))
    #expect(try allows("Let me see.\n" + Self.call, grammar))
    #expect(try !allows("Let me see.\n" + Self.call.replacing("get_time", with: "get_tea"), grammar))
    #expect(try !allows(Self.call + " and then", grammar))
    #expect(try allows("<think>A <tool_call> would do.</think>It is noon.", grammar))
    #expect(try !allows("<think>Hm.</think><tool_call>now", grammar))
  }

  @Test func aSchemaBesideFreeToolsAllowsEither() throws {
    let grammar = try #require(try prompt { $0.responseFormat = .jsonSchema(Self.schema) }.grammar)
    #expect(try allows(Self.call, grammar))
    #expect(try allows(#"{"n":3}"#, grammar))
    #expect(try !allows(#"{"n":12}"#, grammar))
    #expect(try !allows("Hello", grammar))
  }

  @Test func noToolsAreShownWhenNoneMayBeCalled() throws {
    let prompt = try prompt { $0.toolChoice = .none }
    #expect(prompt.grammar == nil)
    #expect(prompt.tokens.count < (try self.prompt().tokens.count))
  }

  @Test func aTemplatesOwnFormatAllowsEitherToo() throws {
    let model = try LlamaModel.load(TestModel.load(), progress: { _ in true })
    let renderer = PromptRenderer(
      model: model, template: try ChatTemplate(source: ChatTemplateTests.tools), contextLength: 1024)
    let messages = [Message(.user, "Time?")]
    var request = EngineRequest(input: .chat(messages), tools: [Self.tool])
    let free = try #require(try renderer.render(request, messages: messages, for: .counting).grammar)
    #expect(!free.triggers.isEmpty)
    request.responseFormat = .jsonSchema(Self.schema)
    let grammar = try #require(try renderer.render(request, messages: messages, for: .counting).grammar)
    #expect(try allows(Self.call, grammar))
    #expect(try allows(#"{"n":3}"#, grammar))
    #expect(try allows("<think>Hm.</think>" + #"{"n":3}"#, grammar))
    #expect(try !allows("Hello", grammar))
  }
}
