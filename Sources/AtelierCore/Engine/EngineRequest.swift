/// What one model is asked to generate: a `GenerationRequest` after model, stored history and defaults were resolved.
package struct EngineRequest: Sendable, Hashable, Codable {
  package var input: GenerationInput
  package var tools: [ToolDefinition]
  package var toolChoice: ToolChoice
  package var parallelToolCalls: Bool
  /// Every field but `seed` and `logitBias` is set.
  package var sampling: SamplingParameters
  package var responseFormat: ResponseFormat
  package var reasoning: ReasoningSetting?
  package var templateArgumentsJSON: String?
  package var maxOutputTokens: Int?
  package var stop: [String]
  package var topLogprobs: Int?
  /// Also the probabilities of the prompt's tokens (`PromptUsage.scores`).
  package var scoresPrompt = false
  /// Who asks: requests of different clients take turns.
  package var client: UInt64 = 0
  /// A prompt that is too long loses its oldest turns instead of being refused.
  package var dropsOldTurns: Bool
  /// Tokens of reasoning after which it is ended; nil: as many as the model likes.
  package var reasoningBudget: Int?
  /// What another engine has generated already: the answer goes on behind it, and nothing of it is said again.
  package var soFar: AnswerSoFar?

  package init(
    input: GenerationInput, tools: [ToolDefinition] = [], toolChoice: ToolChoice = .auto,
    parallelToolCalls: Bool = true, sampling: SamplingParameters = .builtIn, responseFormat: ResponseFormat = .text,
    reasoning: ReasoningSetting? = nil, templateArgumentsJSON: String? = nil, maxOutputTokens: Int? = nil,
    stop: [String] = [], topLogprobs: Int? = nil, dropsOldTurns: Bool = false,
    reasoningBudget: Int? = nil
  ) {
    self.input = input
    self.tools = tools
    self.toolChoice = toolChoice
    self.parallelToolCalls = parallelToolCalls
    self.sampling = sampling
    self.responseFormat = responseFormat
    self.reasoning = reasoning
    self.templateArgumentsJSON = templateArgumentsJSON
    self.maxOutputTokens = maxOutputTokens
    self.stop = stop
    self.topLogprobs = topLogprobs
    self.dropsOldTurns = dropsOldTurns
    self.reasoningBudget = reasoningBudget
  }
}
