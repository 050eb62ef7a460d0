import AtelierCore
import AtelierEngine
import AtelierText
import AtelierWorker
import CLlamaBridge
import Foundation

/// Turns a chat into tokens, a grammar and the parser of its answer.
struct PromptRenderer: Sendable {
  private let model: LlamaModel
  private let template: ChatTemplate
  private let tokenizer: LlamaTokenizer
  private let spellings: SpellingTable
  private let normalizer: MessageNormalizer
  private let contextLength: Int
  private let reasoningTags: ReasoningTags?
  private let vision: VisionEncoder?
  let grammars = GrammarCache()

  /// No token spells more bytes than this on average over a whole prompt: a longer text is refused before tokenizing.
  private static let bytesPerToken = 8
  /// A text may be this long however small the context is.
  private static let freeBytes = 65536
  private static let maxGrammarBytes = 1 << 20

  /// `reasoningTags`: what reasoning stands between, where the template does not tell.
  init(
    model: LlamaModel, template: ChatTemplate, contextLength: Int, reasoningTags: ReasoningTags? = nil,
    vision: VisionEncoder? = nil
  ) {
    self.model = model
    self.reasoningTags = reasoningTags
    self.template = template
    self.contextLength = contextLength
    self.vision = vision
    tokenizer = LlamaTokenizer(model)
    spellings = SpellingTable(tokenizer.controlTokenSpellings())
    normalizer = MessageNormalizer(probing: template)
  }

  func render(
    _ request: EngineRequest, messages: [Message], for use: PromptUse
  ) throws(AtelierError) -> RenderedPrompt {
    var guarded = SpecialTokenGuard(spellings)
    var images: [ImageData] = []
    let offered = Self.offeredTools(request)
    let schema = try Self.schema(of: request.responseFormat)
    // The template renders calls and tools by itself, or we do.
    let usesMarkup = !template.supportsTools && !offered.isEmpty
    let turns = template.supportsTools ? messages : CallMarkup.rewriting(messages, offering: offered)
    var input = try templateRequest(
      request, messages: turns, tools: template.supportsTools ? offered : [], guarding: &guarded, images: &images)
    guard !guarded.isExhausted else {
      throw AtelierError(.invalidValue, "The input holds too many different private-use characters.")
    }
    var reply = try rendered(input, guarded)
    let tags = Self.thinkingTags(reply)
    // Only llama.cpp's own parser knows tool formats, and formats whose reasoning is no block between a pair of tags.
    let usesNativeParser =
      !usesMarkup && (!input.tools.isEmpty || (reply.supportsThinking && tags == nil))
    if usesNativeParser, offered.isEmpty, let schema {
      input.schema = schema
      reply = try rendered(input, guarded)
    }
    let (tokens, media) = try tokens(of: reply.prompt, guarded, images, for: use)
    var preserved = Set(reply.preserved.compactMap(tokenizer.singleToken))
    if !usesNativeParser {
      // Models whose template says nothing of reasoning may reason all the same, with the usual tags.
      let pair = tags ?? .usual
      let texts = [pair.start, pair.end] + (usesMarkup ? [CallMarkup.start, CallMarkup.end] : [])
      for text in texts { tokenizer.singleToken(text).map { _ = preserved.insert($0) } }
    }
    var grammar = try constraint(
      request, reply, schema: schema, markup: usesMarkup ? offered : [], native: usesNativeParser,
      mayThink: input.enableThinking)
    if let limit = reasoningLimit(request.reasoningBudget, reply) {
      grammar = grammar ?? GrammarConstraint(grammar: "")
      grammar?.reasoningLimit = limit
    }
    return RenderedPrompt(
      tokens: tokens, media: media, grammar: grammar, additionalStops: reply.stops.map(guarded.restored),
      preservedTokens: preserved,
      makeParser: Self.parserMaker(
        reply, native: usesNativeParser, markup: usesMarkup ? Set(offered.map(\.name)) : nil,
        callsOnly: Self.forcesCall(request), continuation: input.continuesLastMessage))
  }

  /// The grammar of an answer to plain text.
  func constraint(for format: ResponseFormat) throws(AtelierError) -> GrammarConstraint? {
    guard let schema = try Self.schema(of: format) else { return nil }
    return try checked(GrammarConstraint(grammar: grammars.text(of: AnswerGrammar(schemaJSON: schema))))
  }

  // MARK: Input

  /// The tools the model is shown: none, all, or the one that is to be called.
  private static func offeredTools(_ request: EngineRequest) -> [ToolDefinition] {
    switch request.toolChoice {
    case .none: []
    case .auto, .required: request.tools
    case .named(let name): request.tools.filter { $0.name == name }
    }
  }

  private static func forcesCall(_ request: EngineRequest) -> Bool {
    switch request.toolChoice {
    case .none, .auto: false
    case .required, .named: true
    }
  }

  private static func schema(of format: ResponseFormat) throws(AtelierError) -> String? {
    switch format {
    case .text: return nil
    case .jsonObject: return #"{"type":"object"}"#
    case .jsonSchema(let text): return text
    }
  }

  private func templateRequest(
    _ request: EngineRequest, messages: [Message], tools: [ToolDefinition], guarding guarded: inout SpecialTokenGuard,
    images: inout [ImageData]
  ) throws(AtelierError) -> TemplateRequest {
    var protected: [Message] = []
    for message in normalizer.normalize(messages) {
      protected.append(protect(message, &guarded, &images))
    }
    var input = TemplateRequest(messages: protected)
    for tool in tools {
      input.tools.append(
        TemplateRequest.Tool(
          name: tool.name, description: guarded.protect(tool.description ?? ""),
          parametersJSON: parameters(of: tool, &guarded)))
    }
    switch request.toolChoice {
    case .auto: input.toolChoice = .auto
    case .none: input.toolChoice = .none
    case .required, .named: input.toolChoice = .required
    }
    input.parallelToolCalls = request.parallelToolCalls
    if let last = messages.last, last.role == .assistant, last.toolCalls.isEmpty {
      input.continuesLastMessage = true
    }
    try apply(request, to: &input, &guarded)
    return input
  }

  /// Templates get text only; a character in it stands for an image. Texts are joined as llama.cpp joins them: by a line
  /// break, but by none beside an image.
  private func protect(
    _ message: Message, _ guarded: inout SpecialTokenGuard, _ images: inout [ImageData]
  ) -> Message {
    var text = ""
    var joinsText = false
    for part in message.content {
      switch part {
      case .text(let part):
        text += (joinsText ? "\n" : "") + guarded.protect(part)
        joinsText = true
      case .image(let image):
        text += guarded.marker(forImage: images.count)
        images.append(image)
        joinsText = false
      }
    }
    var message = message
    message.content = [.text(text)]
    message.reasoning = message.reasoning.map { guarded.protect($0) }
    message.name = message.name.map { guarded.protect($0) }
    message.toolCalls = message.toolCalls.map { call in
      let arguments = (try? JSONValue(parsing: call.arguments)).map { protect($0, &guarded).serialized() }
      return ToolCall(
        id: guarded.protect(call.id), name: guarded.protect(call.name),
        arguments: arguments ?? guarded.protect(call.arguments))
    }
    return message
  }

  /// Strings and member names inside.
  private func protect(_ value: JSONValue, _ guarded: inout SpecialTokenGuard) -> JSONValue {
    switch value {
    case .string(let text): return .string(guarded.protect(text))
    case .array(let elements): return .array(elements.map { protect($0, &guarded) })
    case .object(let members): return .object(JSONObject(members.map { (guarded.protect($0), protect($1, &guarded)) }))
    case .null, .bool, .integer, .number: return value
    }
  }

  /// A tool whose schema cannot be compiled takes any object: one bad schema must not end every turn of an agent.
  private func parameters(of tool: ToolDefinition, _ guarded: inout SpecialTokenGuard) -> String {
    let anyObject = #"{"type":"object","properties":{}}"#
    guard let text = tool.parametersJSON, let schema = try? JSONValue(parsing: text), case .object = schema,
      (try? SchemaLimits.standard.check(schema)) != nil,
      case .success = bridgeText({ atelier_schema_to_grammar(text, $0) })
    else { return anyObject }
    return protect(schema, &guarded).serialized()
  }

  private func apply(
    _ request: EngineRequest, to input: inout TemplateRequest, _ guarded: inout SpecialTokenGuard
  ) throws(AtelierError) {
    var arguments = JSONObject()
    switch request.reasoning {
    case nil, .on: break
    case .off: input.enableThinking = false
    case .minimal, .low: arguments["reasoning_effort"] = "low"
    case .medium: arguments["reasoning_effort"] = "medium"
    case .high, .xhigh, .max: arguments["reasoning_effort"] = "high"
    }
    if let text = request.templateArgumentsJSON {
      guard case .object(let given)? = try? JSONValue(parsing: text) else {
        throw AtelierError(
          .invalidValue, "The template arguments are not a JSON object.", param: "chat_template_kwargs")
      }
      for (key, value) in given where !Self.reservedArguments.contains(key) {
        arguments[key] = protect(value, &guarded)
      }
      if let thinking = given["enable_thinking"]?.boolValue { input.enableThinking = thinking }
    }
    input.argumentsJSON = JSONValue.object(arguments).serialized()
  }

  /// What the renderer itself gives to the template.
  private static let reservedArguments: Set<String> = [
    "messages", "tools", "bos_token", "eos_token", "add_generation_prompt",
  ]

  // MARK: Output

  private func rendered(_ input: TemplateRequest, _ guarded: SpecialTokenGuard) throws(AtelierError) -> TemplateReply {
    do throws(BridgeFailure) {
      return restored(try template.render(input), by: guarded)
    } catch {
      throw Self.templateError(error, guarded)
    }
  }

  /// What is compared with the model's output needs the client's own spelling; the prompt keeps the markers.
  private func restored(_ reply: TemplateReply, by guarded: SpecialTokenGuard) -> TemplateReply {
    var reply = reply
    reply.grammar = guarded.restored(reply.grammar)
    reply.parser = guarded.restored(reply.parser)
    reply.generationPrompt = guarded.restored(reply.generationPrompt)
    if let tags = reasoningTags ?? Self.usualTags(reply, in: template) {
      reply.givenTags = tags
      reply.thinkingStart = tags.start
      reply.thinkingEnds = [tags.end]
    }
    return reply
  }

  private func tokens(
    of prompt: String, _ guarded: SpecialTokenGuard, _ images: [ImageData], for use: PromptUse
  ) throws(AtelierError) -> (tokens: [Int32], media: [MediaSpan]) {
    guard prompt.utf8.count <= max(contextLength * Self.bytesPerToken, Self.freeBytes) else {
      throw AtelierError(
        .contextLengthExceeded,
        "The prompt is far longer than the model's context of \(contextLength) tokens. Shorten the input.",
        details: ["context_length": .integer(Int64(contextLength))])
    }
    let segments = guarded.segments(of: prompt)
    guard segments.count > 1 || !images.isEmpty else {
      return (tokenizer.tokenize(prompt, addSpecial: true, parseSpecial: true), [])
    }
    // The empty text gives what the metadata asks for at the beginning.
    var tokens = tokenizer.addsBeginning ? tokenizer.tokenize("", addSpecial: true, parseSpecial: false).prefix(1) : []
    var assembly = PromptAssembly()
    for segment in segments {
      if let image = segment.image {
        assembly.append(Array(tokens))
        tokens = []
        assembly.append(image: image)
      } else {
        tokens += tokenizer.tokenize(segment.text, addSpecial: false, parseSpecial: segment.parsesSpecial)
      }
    }
    guard !images.isEmpty else { return (Array(tokens), []) }
    guard let vision else { throw AtelierError(.unsupportedModality, "This model cannot read images.", param: "input") }
    assembly.append(Array(tokens))
    return try assembly.assemble(images, vision: vision, contextLength: contextLength, for: use)
  }

  /// Templates that open or close a block of thinking, without rendering one in a way that llama.cpp's analysis sees.
  private static func usualTags(_ reply: TemplateReply, in template: ChatTemplate) -> ReasoningTags? {
    guard thinkingTags(reply) == nil, template.source.contains(ReasoningTags.usual.start) else { return nil }
    return .usual
  }

  /// The tags around reasoning when they are a pair such as `<think>…</think>` or `<|START_X|>…<|END_X|>`.
  private static func thinkingTags(_ reply: TemplateReply) -> ReasoningTags? {
    if let tags = reply.givenTags { return tags }
    guard reply.supportsThinking, let last = reply.thinkingEnds.first else { return nil }
    let start = reply.thinkingStart
    let end = last.trimmingCharacters(in: .whitespacesAndNewlines)
    guard let opening = start.first, "<[".contains(opening) else { return nil }
    let isPair = end == "\(opening)/\(start.dropFirst())" || end == start.replacing("START", with: "END")
    return isPair && end != start ? ReasoningTags(start: start, end: end) : nil
  }

  /// What holds the answer to the request: nil when it is free. `markup`: the tools that are called in our own form.
  private func constraint(
    _ request: EngineRequest, _ reply: TemplateReply, schema: String?, markup: [ToolDefinition], native: Bool,
    mayThink: Bool
  ) throws(AtelierError) -> GrammarConstraint? {
    let tags = Self.thinkingTags(reply)
    let reasoning = tags.map {
      AnswerGrammar.Reasoning(start: $0.start, end: $0.end, isOpen: reply.startsThinking)
    }
    let block = Self.reasoningBlock(reply)
    let leading = mayThink || reply.startsThinking ? reasoning : nil
    let tools = markup.map { AnswerGrammar.Tool(name: $0.name, parametersJSON: $0.parametersJSON) }
    let several = request.parallelToolCalls
    if native {
      guard let grammar = nativeGrammar(reply, quietBlock: block) else { return nil }
      guard let schema, !grammar.triggers.isEmpty else { return try checked(grammar) }
      // Free to call or to answer in the schema.
      let either = AnswerGrammar(schemaJSON: schema, reasoning: leading, alternative: grammar.grammar)
      return try checked(GrammarConstraint(grammar: grammars.text(of: either)))
    }
    let isFree = request.toolChoice == .auto || request.toolChoice == .none
    guard !tools.isEmpty else {
      guard let schema else { return nil }
      return try checked(
        GrammarConstraint(grammar: grammars.text(of: AnswerGrammar(schemaJSON: schema, reasoning: leading))))
    }
    if isFree, schema == nil {
      let calls = AnswerGrammar(tools: tools, allowsSeveralCalls: several)
      return try checked(
        GrammarConstraint(
          grammar: grammars.text(of: calls), triggers: [.word(CallMarkup.start)], quietBlock: block))
    }
    let answer = AnswerGrammar(
      schemaJSON: isFree ? schema : nil, tools: tools, allowsSeveralCalls: several, reasoning: leading)
    return try checked(GrammarConstraint(grammar: grammars.text(of: answer)))
  }

  /// Models whose template says nothing of reasoning may reason all the same, with the usual tags.
  private static func reasoningBlock(_ reply: TemplateReply) -> GrammarConstraint.QuietBlock {
    let tags = thinkingTags(reply)
    let pair = tags ?? .usual
    return GrammarConstraint.QuietBlock(
      start: pair.start, end: pair.end, isOpen: tags != nil && reply.startsThinking)
  }

  /// nil without a budget, and for reasoning of which it is not known how it ends.
  private func reasoningLimit(_ budget: Int?, _ reply: TemplateReply) -> GrammarConstraint.ReasoningLimit? {
    guard let budget, !reply.supportsThinking || Self.thinkingTags(reply) != nil else { return nil }
    let block = Self.reasoningBlock(reply)
    return GrammarConstraint.ReasoningLimit(
      block: block, tokens: budget, ending: tokenizer.tokenize(block.end, addSpecial: false, parseSpecial: true))
  }

  private func nativeGrammar(
    _ reply: TemplateReply, quietBlock: GrammarConstraint.QuietBlock
  ) -> GrammarConstraint? {
    guard !reply.grammar.isEmpty else { return nil }
    guard reply.grammarIsLazy else {
      let prefill = tokenizer.tokenize(reply.generationPrompt, addSpecial: false, parseSpecial: true)
      return GrammarConstraint(grammar: reply.grammar, prefill: prefill)
    }
    let words = reply.triggerWords.map { word in
      tokenizer.singleToken(word).map { GrammarConstraint.Trigger.token($0) } ?? .word(word)
    }
    let triggers = words + reply.triggerPatterns.map { .pattern($0) } + reply.triggerTokens.map { .token($0) }
    // Patterns of a whole output see its reasoning too.
    return GrammarConstraint(
      grammar: reply.grammar, triggers: triggers, quietBlock: reply.triggerPatterns.isEmpty ? quietBlock : nil)
  }

  private static let schemaError = AtelierError(
    .invalidJSONSchema, "The schema cannot be turned into a grammar: it uses something that is not supported.")

  /// Compiles it, so that a bad one is refused before anything is generated. The engine gets a copy of what was compiled.
  private func checked(_ grammar: GrammarConstraint) throws(AtelierError) -> GrammarConstraint {
    guard grammar.grammar.utf8.count <= Self.maxGrammarBytes else {
      throw AtelierError(.invalidJSONSchema, "The schema is too large: its grammar exceeds 1 MiB.")
    }
    do throws(RunnerError) {
      _ = try grammars.state(of: grammar, model: model)
    } catch {
      throw Self.schemaError
    }
    return grammar
  }

  private static func parserMaker(
    _ reply: TemplateReply, native: Bool, markup: Set<String>?, callsOnly: Bool, continuation: Bool
  ) -> @Sendable () -> any OutputParser {
    if native {
      return {
        do throws(BridgeFailure) {
          return try LlamaChatParser(reply, continuation: continuation)
        } catch {
          // Its message may hold text of the chat.
          WorkerLog.error("an answer is given as plain text: llama.cpp made no parser for it")
          return PlainTextParser()
        }
      }
    }
    let block = reasoningBlock(reply)
    let reasoning = ReasoningParser(startTag: block.start, endTags: [block.end], startsInside: block.isOpen)
    guard let names = markup else { return { reasoning } }
    return { ToolCallParser(names: names, reasoning: reasoning, callsOnly: callsOnly) }
  }

  /// A template speaks to the author of the chat ("Conversation roles must alternate"), so its own words are shown.
  private static func templateError(_ failure: BridgeFailure, _ guarded: SpecialTokenGuard) -> AtelierError {
    AtelierError(
      .templateFailed, "Chat template error: \(TemplateMessage.forPeople(guarded.restored(failure.message)))")
  }
}
