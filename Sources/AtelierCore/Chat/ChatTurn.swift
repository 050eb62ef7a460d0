/// One turn of a stored chat, for export.
package struct ChatTurn: Sendable, Hashable {
  /// The response id of this point.
  package var id: String
  /// Milliseconds since 1970.
  package var createdAt: Int64
  package var modelKey: String
  /// In force in this turn.
  package var systemPrompt: String?
  /// What the turn added.
  package var input: [Message]
  package var output: [OutputItem]
  /// The turn as messages a model would read: input, then the answer with its calls and their results.
  package var messages: [Message]
  package var finishReason: FinishReason
  package var usage: GenerationUsage
  package var timings: GenerationTimings

  package init(
    id: String, createdAt: Int64, modelKey: String, systemPrompt: String?, input: [Message], output: [OutputItem],
    messages: [Message], finishReason: FinishReason, usage: GenerationUsage, timings: GenerationTimings
  ) {
    self.id = id
    self.createdAt = createdAt
    self.modelKey = modelKey
    self.systemPrompt = systemPrompt
    self.input = input
    self.output = output
    self.messages = messages
    self.finishReason = finishReason
    self.usage = usage
    self.timings = timings
  }
}
