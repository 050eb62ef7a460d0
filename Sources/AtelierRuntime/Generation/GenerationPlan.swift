import AtelierCore
import AtelierModels
import AtelierStore

/// A request with its stored turns restored: what is asked of a model, whichever instance that will be.
struct GenerationPlan: Sendable {
  var request: GenerationRequest
  /// From the root; empty when the request continues nothing.
  var history: [ConversationNode]

  /// Throws what can be known from the request and the model alone.
  static func check(_ request: GenerationRequest, for model: ModelDescription) throws(AtelierError) {
    if let setting = request.reasoning {
      guard let capability = model.capabilities.reasoning else {
        throw AtelierError(
          .invalidValue,
          "Model '\(model.key)' does not expose reasoning configuration. Leave out 'reasoning'.", param: "reasoning")
      }
      guard capability.allowedOptions.contains(setting) else {
        let allowed = capability.allowedOptions.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        throw AtelierError(
          .invalidValue,
          "Reasoning setting '\(setting.rawValue)' is not supported by model '\(model.key)'. Supported settings: \(allowed).",
          param: "reasoning")
      }
    }
    if let id = request.previousResponseID, !id.hasPrefix(ResponseID.prefix) {
      throw AtelierError(
        .invalidValue, "'previous_response_id' must start with '\(ResponseID.prefix)'.",
        param: "previous_response_id")
    }
  }

  /// Throws `unsupportedModality` for images, also of earlier turns, and a model that cannot see.
  func checkImages(for model: ModelDescription) throws(AtelierError) {
    guard model.capabilities.vision || !hasImages else {
      throw AtelierError(
        .unsupportedModality, "Model '\(model.key)' cannot read images.", param: "input")
    }
  }

  /// Also of earlier turns.
  var hasImages: Bool {
    (history.flatMap(\.input) + newMessages).contains { message in
      message.content.contains { if case .image = $0 { true } else { false } }
    }
  }

  /// What this turn adds.
  var newMessages: [Message] {
    if case .chat(let messages) = request.input { messages } else { [] }
  }

  /// The system prompt in force: the request's, else the inherited one.
  var systemPrompt: String? {
    request.systemPrompt ?? (request.inheritsSystemPrompt ? history.last?.systemPrompt : nil)
  }

  /// The request as the engine takes it, filled from the model's defaults and then the built-in ones.
  func engineRequest(defaults: ModelDefaults) -> EngineRequest {
    var input = request.input
    if case .chat(let new) = request.input {
      var messages = CallPairing.repaired(HistoryRenderer.messages(history) + new)
      let system = systemPrompt ?? (messages.contains { $0.role == .system } ? nil : defaults.systemPrompt)
      if let system { messages.insert(Message(.system, system), at: 0) }
      input = .chat(Self.framed(messages, by: defaults.customFields))
    }
    var result = EngineRequest(
      input: input, tools: request.tools, toolChoice: request.toolChoice,
      parallelToolCalls: request.parallelToolCalls,
      sampling: request.sampling.filled(from: defaults.sampling).filled(from: .builtIn),
      responseFormat: request.responseFormat, reasoning: request.reasoning,
      templateArgumentsJSON: templateArguments(defaults.customFields),
      maxOutputTokens: request.maxOutputTokens ?? defaults.maxPredictedTokens,
      stop: request.stop.isEmpty ? defaults.stopStrings : request.stop, topLogprobs: request.topLogprobs,
      dropsOldTurns: request.dropsOldTurns, reasoningBudget: request.reasoningBudget)
    result.client = request.client
    result.scoresPrompt = request.scoresPrompt
    return result
  }

  /// With what the model's own fields put around the system prompt.
  private static func framed(_ messages: [Message], by fields: [CustomField]) -> [Message] {
    guard !fields.isEmpty else { return messages }
    var messages = messages
    let leading = messages.first?.role == .system ? messages.first?.text : nil
    guard let text = CustomField.systemPrompt(leading, with: fields), text != leading else { return messages }
    if leading != nil { messages.removeFirst() }
    messages.insert(Message(.system, text), at: 0)
    return messages
  }

  /// The variables of the model's own fields, then the request's.
  private func templateArguments(_ fields: [CustomField]) -> String? {
    var variables = CustomField.templateVariables(of: fields, reasoning: request.reasoning)
    guard !variables.isEmpty else { return request.templateArgumentsJSON }
    let asked = request.templateArgumentsJSON.flatMap { try? JSONValue(parsing: $0) }?.objectValue ?? [:]
    for (name, value) in asked { variables[name] = value }
    return JSONValue.object(variables).serialized()
  }

  /// The finished turn as it is stored; nil when it is not to be stored (native.md 6.3, 6.10).
  func node(_ result: GenerationResult, modelKey: String, now: Int64) -> ConversationNode? {
    guard request.store else { return nil }
    let input: [Message]
    switch request.input {
    case .chat(let messages): input = messages
    case .text(let text): input = [Message(.user, text)]
    case .infill, .tokens: return nil
    }
    switch result.finishReason {
    case .userStopped, .modelUnloaded, .failed: return nil
    case .endOfText, .stopString, .maxTokens, .contextFull, .toolCalls: break
    }
    return ConversationNode(
      id: request.responseID ?? ResponseID.generate(), parent: history.last?.id, input: input,
      systemPrompt: systemPrompt, output: result.output, modelKey: modelKey, createdAt: now,
      finishReason: result.finishReason, usage: result.usage, timings: result.timings, owner: request.caller.tokenID,
      surface: request.record == nil ? .chat : .responses, record: request.record, rounds: result.rounds)
  }
}
