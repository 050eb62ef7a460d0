/// Whether the model may, must or must not call one of the offered tools.
package enum ToolChoice: Sendable, Hashable, Codable {
  case auto
  case none
  /// At least one call, no text before it.
  case required
  /// Exactly this function.
  case named(String)
}
