/// What a model can do beside text, as its files tell.
package struct ModelCapabilities: Sendable, Hashable, Codable {
  package var vision: Bool
  package var trainedForToolUse: Bool
  /// nil: the model exposes no reasoning setting.
  package var reasoning: ReasoningCapability?

  package init(vision: Bool = false, trainedForToolUse: Bool = false, reasoning: ReasoningCapability? = nil) {
    self.vision = vision
    self.trainedForToolUse = trainedForToolUse
    self.reasoning = reasoning
  }
}
