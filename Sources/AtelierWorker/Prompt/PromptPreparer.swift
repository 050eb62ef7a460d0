import AtelierCore
import AtelierText

/// From a request to prompt tokens: the checks that need the model, and its template.
struct PromptPreparer: Sendable {
  /// Threat model: prompt text over so many bytes per token of context is refused before it costs a tokenizer run.
  static let maxBytesPerContextToken = 8
  /// A rough English average, for the figure of a prompt that is refused uncounted.
  static let typicalBytesPerToken = 4

  /// Tokens of a prompt whose probabilities are told at most: they leave in one report.
  static let maxScoredTokens = 32_768

  let backend: any ModelBackend

  /// Throws `contextLengthExceeded`, `unsupportedModality`, `invalidImage`, `templateFailed`, `invalidValue`, and
  /// `cancelled` when `proceed`, asked before each image is decoded, says no.
  func prepare(
    _ request: EngineRequest, proceed: @escaping @Sendable () -> Bool
  ) throws(AtelierError) -> RenderedPrompt {
    guard request.dropsOldTurns, case .chat(let messages) = request.input else {
      return try prepareWhole(request, proceed)
    }
    return try prepareRecent(request, TurnDropping(messages), proceed)
  }

  private func prepareWhole(
    _ request: EngineRequest, _ proceed: @escaping @Sendable () -> Bool
  ) throws(AtelierError) -> RenderedPrompt {
    try checkSize(request)
    let prompt = try render(request, for: .generating(proceed: proceed))
    guard !prompt.tokens.isEmpty else { throw AtelierError(.invalidValue, "The prompt is empty.") }
    guard prompt.tokens.count < backend.properties.contextLength else {
      throw .promptTooLong(tokens: prompt.tokens.count, context: backend.properties.contextLength)
    }
    guard !request.scoresPrompt || prompt.tokens.count <= Self.maxScoredTokens else {
      throw AtelierError(
        .invalidValue,
        "The prompt has \(prompt.tokens.count) tokens; log probabilities are told of at most \(Self.maxScoredTokens).",
        param: "echo")
    }
    return prompt
  }

  /// With as many of the last turns as leave room for an answer; the last one alone may take that room too.
  private func prepareRecent(
    _ request: EngineRequest, _ turns: TurnDropping, _ proceed: @escaping @Sendable () -> Bool
  ) throws(AtelierError) -> RenderedPrompt {
    let context = backend.properties.contextLength
    let room = context - min(request.maxOutputTokens ?? context / 8, context / 4)
    var request = request
    var best: RenderedPrompt?
    // The number of turns to drop lies between these: below the first too few are dropped. Mostly it is none.
    var few = 0
    var enough = turns.droppable
    while few < enough {
      let middle = few == 0 ? 0 : (few + enough) / 2
      request.input = .chat(turns.dropping(middle))
      if fits(request), case let prompt = try render(request, for: .generating(proceed: proceed)),
        prompt.tokens.count <= room
      {
        enough = middle
        best = prompt
      } else {
        few = middle + 1
      }
    }
    if let best { return best }
    request.input = .chat(turns.dropping(turns.droppable))
    return try prepareWhole(request, proceed)
  }

  /// The number of prompt tokens, whether they fit or not. Throws as `prepare` does, also for text that cannot fit.
  func count(_ request: EngineRequest) throws(AtelierError) -> Int {
    try checkSize(request)
    return try render(request, for: .counting).tokens.count
  }

  private func checkSize(_ request: EngineRequest) throws(AtelierError) {
    guard fits(request) else {
      throw .promptTooLong(
        tokens: request.textBytes / Self.typicalBytesPerToken, about: true, context: backend.properties.contextLength)
    }
  }

  private func fits(_ request: EngineRequest) -> Bool {
    request.textBytes <= Self.maxBytesPerContextToken * backend.properties.contextLength
  }

  private func render(_ request: EngineRequest, for use: PromptUse) throws(AtelierError) -> RenderedPrompt {
    switch request.input {
    case .chat(let messages):
      if !backend.properties.hasVision, request.hasImages {
        throw AtelierError(
          .unsupportedModality,
          backend.visionProblem ?? "This model cannot read images. Send text only, or use a model with vision.",
          param: "input")
      }
      return try backend.renderPrompt(request, messages: messages, for: use)
    case .text(let text):
      let tokens = backend.tokenize(text, addSpecial: true, parseSpecial: true)
      let grammar = try backend.constraint(for: request.responseFormat)
      return RenderedPrompt(tokens: tokens, grammar: grammar) { PlainTextParser() }
    case .infill(let prefix, let suffix):
      guard let tokens = backend.infillTokens(prefix: prefix, suffix: suffix) else {
        throw AtelierError(
          .unsupportedParameter, "'suffix' is not supported: this model cannot fill in the middle.", param: "suffix")
      }
      return RenderedPrompt(tokens: tokens, grammar: try backend.constraint(for: request.responseFormat)) {
        PlainTextParser()
      }
    case .tokens(let tokens):
      try backend.checkTokens(tokens, param: nil)
      let grammar = try backend.constraint(for: request.responseFormat)
      return RenderedPrompt(tokens: tokens, grammar: grammar) { PlainTextParser() }
    }
  }
}

extension ModelBackend {
  /// Token ids from a client reach the engine only if the vocabulary has them: anything else ends the process there.
  func checkTokens(_ tokens: [Int32], param: String?) throws(AtelierError) {
    guard let bad = tokens.first(where: { $0 < 0 || Int($0) >= properties.vocabularySize }) else { return }
    throw AtelierError(
      .invalidValue, "\(bad) is no token of this model: its vocabulary has \(properties.vocabularySize).", param: param)
  }
}

extension Message {
  fileprivate var hasImage: Bool { content.contains { if case .image = $0 { true } else { false } } }

  fileprivate var textBytes: Int {
    var sum = (reasoning?.utf8.count ?? 0)
    for part in content { if case .text(let text) = part { sum += text.utf8.count } }
    for call in toolCalls { sum += call.name.utf8.count + call.arguments.utf8.count }
    return sum
  }
}

extension EngineRequest {
  var hasImages: Bool {
    if case .chat(let messages) = input { messages.contains(where: \.hasImage) } else { false }
  }

  /// All text that becomes prompt.
  fileprivate var textBytes: Int {
    let tools = tools.reduce(0) {
      $0 + $1.name.utf8.count + ($1.description?.utf8.count ?? 0) + ($1.parametersJSON?.utf8.count ?? 0)
    }
    switch input {
    case .chat(let messages): return messages.reduce(tools) { $0 + $1.textBytes }
    case .text(let text): return text.utf8.count
    case .infill(let prefix, let suffix): return prefix.utf8.count + suffix.utf8.count
    case .tokens: return 0
    }
  }
}
