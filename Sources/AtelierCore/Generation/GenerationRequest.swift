/// What every dialect turns a request into. Whether the client wants a stream is not in it: that is the dialect's business.
///
/// Dialects check ranges while reading their wire form, so a value of this type is within the documented ranges.
package struct GenerationRequest: Sendable, Hashable {
  /// As the client wrote it: an instance id, a key, `key@quant`, `publisher/repo`…; empty means "the one that is loaded".
  package var model: String
  package var input: GenerationInput
  /// Replaces the leading system message of a stored chat; nil inherits it.
  package var systemPrompt: String?
  /// False: without `systemPrompt` there is none, whatever the stored chat had.
  package var inheritsSystemPrompt: Bool
  package var previousResponseID: String?
  /// Keep the turn under a new response id.
  package var store: Bool
  /// The response id of the stored turn, for dialects that show it before the answer is there; nil: one is made.
  package var responseID: String?
  /// What a dialect wants to be kept with the turn, to show it again later: JSON text that only the dialect reads.
  package var record: String?
  /// A prompt that is too long loses its oldest turns instead of being refused.
  package var dropsOldTurns: Bool
  package var tools: [ToolDefinition]
  package var toolChoice: ToolChoice
  package var parallelToolCalls: Bool
  /// Servers whose tools the runtime offers to the model and runs itself.
  package var integrations: [ToolProviderReference]
  package var sampling: SamplingParameters
  package var responseFormat: ResponseFormat
  package var reasoning: ReasoningSetting?
  /// A model without this setting uses the nearest it has, or none, instead of refusing the request.
  package var reasoningIsHint: Bool
  /// Tokens of reasoning after which it is ended, at least 0; nil: as many as the model likes. Without effect on models whose
  /// reasoning is no block between two tags.
  package var reasoningBudget: Int?
  /// JSON text of an object handed to the chat template (`chat_template_kwargs`).
  package var templateArgumentsJSON: String?
  /// Tokens, reasoning included; nil means until end of text or context.
  package var maxOutputTokens: Int?
  package var stop: [String]
  /// nil: no log probabilities; n: the n most likely tokens beside the chosen one (0…20).
  package var topLogprobs: Int?
  /// Also the probabilities of the prompt's tokens, with as many likelier ones. The prompt is computed whole for that.
  package var scoresPrompt = false
  package var contextLength: Int?
  package var timeToLive: TimeToLive?
  /// A smaller model of the same vocabulary that may guess ahead; as the client wrote it. It never changes the answer.
  package var draftModel: String?
  /// Who asks: requests of different clients take turns.
  package var client: UInt64 = 0
  /// What it may do; set by the server, not by a dialect.
  package var caller = Caller.anonymous
  /// How the tools of `integrations` are shown and called.
  package var servedTools = ServedToolOptions()

  package init(
    model: String, input: GenerationInput, systemPrompt: String? = nil, previousResponseID: String? = nil,
    store: Bool = false, tools: [ToolDefinition] = [], toolChoice: ToolChoice = .auto, parallelToolCalls: Bool = true,
    sampling: SamplingParameters = SamplingParameters(), responseFormat: ResponseFormat = .text,
    reasoning: ReasoningSetting? = nil, reasoningIsHint: Bool = false, templateArgumentsJSON: String? = nil,
    maxOutputTokens: Int? = nil, stop: [String] = [], topLogprobs: Int? = nil, contextLength: Int? = nil,
    timeToLive: TimeToLive? = nil,
    integrations: [ToolProviderReference] = [], inheritsSystemPrompt: Bool = true, responseID: String? = nil,
    record: String? = nil, dropsOldTurns: Bool = false, reasoningBudget: Int? = nil,
    draftModel: String? = nil
  ) {
    self.model = model
    self.input = input
    self.systemPrompt = systemPrompt
    self.previousResponseID = previousResponseID
    self.store = store
    self.tools = tools
    self.toolChoice = toolChoice
    self.parallelToolCalls = parallelToolCalls
    self.integrations = integrations
    self.sampling = sampling
    self.responseFormat = responseFormat
    self.reasoning = reasoning
    self.reasoningIsHint = reasoningIsHint
    self.templateArgumentsJSON = templateArgumentsJSON
    self.maxOutputTokens = maxOutputTokens
    self.stop = stop
    self.topLogprobs = topLogprobs
    self.contextLength = contextLength
    self.timeToLive = timeToLive
    self.inheritsSystemPrompt = inheritsSystemPrompt
    self.responseID = responseID
    self.record = record
    self.dropsOldTurns = dropsOldTurns
    self.reasoningBudget = reasoningBudget
    self.draftModel = draftModel
  }
}
