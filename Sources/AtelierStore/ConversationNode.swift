import AtelierCore

/// One stored turn: an immutable point of a chat. Branches share their ancestors.
package struct ConversationNode: Sendable, Hashable {
  /// Which family of endpoints made the turn. Raw values are stored.
  package enum Surface: String, Sendable, Hashable { case chat, responses }

  /// `resp_…`, unique.
  package var id: String
  /// The turn this one continues; nil at the root.
  package var parent: String?
  /// Only what this turn added, without the system prompt.
  package var input: [Message]
  /// The system prompt in force from this node on, inherited or new.
  package var systemPrompt: String?
  /// Reasoning and tool calls with their results included.
  package var output: [OutputItem]
  package var modelKey: String
  /// Milliseconds since 1970.
  package var createdAt: Int64
  package var finishReason: FinishReason
  package var usage: GenerationUsage
  package var timings: GenerationTimings
  /// Id of the API token that made the turn; nil when authentication was off.
  package var owner: String?
  package var surface: Surface
  /// What the turn's dialect keeps with it, unread.
  package var record: String?
  /// Where each further round of a tool loop begins in `output` (`GenerationResult.rounds`).
  package var rounds: [Int]

  package init(
    id: String, parent: String? = nil, input: [Message], systemPrompt: String? = nil, output: [OutputItem],
    modelKey: String, createdAt: Int64, finishReason: FinishReason = .endOfText,
    usage: GenerationUsage = GenerationUsage(), timings: GenerationTimings = GenerationTimings(),
    owner: String? = nil, surface: Surface = .chat, record: String? = nil, rounds: [Int] = []
  ) {
    self.id = id
    self.parent = parent
    self.input = input
    self.systemPrompt = systemPrompt
    self.output = output
    self.modelKey = modelKey
    self.createdAt = createdAt
    self.finishReason = finishReason
    self.usage = usage
    self.timings = timings
    self.owner = owner
    self.surface = surface
    self.record = record
    self.rounds = rounds
  }
}
