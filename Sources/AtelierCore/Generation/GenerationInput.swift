/// What is to be answered or continued.
package enum GenerationInput: Sendable, Hashable, Codable {
  /// Rendered by the model's chat template.
  case chat([Message])
  /// Sent to the model as it is, with the model's own begin-of-text token if it wants one.
  case text(String)
  /// What is to be said between two texts, by models with tokens for that.
  case infill(prefix: String, suffix: String)
  /// Already tokenized.
  case tokens([Int32])
}
