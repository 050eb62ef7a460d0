package enum ToolChoice: Sendable, Hashable, Codable {
  case auto
  case none
  /// At least one call, no text before it.
  case required
  /// Exactly this function.
  case named(String)
}
