/// A turn that was kept, as dialects show it again.
package struct StoredTurn: Sendable, Hashable {
  package var id: String
  package var previousID: String?
  /// Only what this turn added, without the system prompt.
  package var input: [Message]
  package var systemPrompt: String?
  package var output: [OutputItem]
  package var modelKey: String
  /// Milliseconds since 1970.
  package var completedAt: Int64
  package var finishReason: FinishReason
  package var usage: GenerationUsage
  /// `GenerationRequest.record` of the request; nil for turns of dialects that keep none.
  package var record: String?

  package init(
    id: String, previousID: String? = nil, input: [Message], systemPrompt: String? = nil, output: [OutputItem],
    modelKey: String, completedAt: Int64, finishReason: FinishReason = .endOfText,
    usage: GenerationUsage = GenerationUsage(), record: String? = nil
  ) {
    self.id = id
    self.previousID = previousID
    self.input = input
    self.systemPrompt = systemPrompt
    self.output = output
    self.modelKey = modelKey
    self.completedAt = completedAt
    self.finishReason = finishReason
    self.usage = usage
    self.record = record
  }
}
