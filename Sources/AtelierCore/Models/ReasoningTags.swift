/// What opens and closes the reasoning in a model's output.
package struct ReasoningTags: Sendable, Hashable, Codable {
  /// At least one character, each.
  package var start: String
  package var end: String

  /// What most models that reason write.
  package static let usual = ReasoningTags(start: "<think>", end: "</think>")

  package init(start: String, end: String) {
    self.start = start
    self.end = end
  }
}
