/// A call that the model got wrong: there is no such tool, or these are no arguments for it.
package struct InvalidToolCall: Sendable, Hashable, Codable {
  package enum Kind: String, Sendable, Hashable, Codable {
    case name = "invalid_name"
    case arguments = "invalid_arguments"
  }

  package var kind: Kind
  package var reason: String
  package var toolName: String
  /// JSON text, present when the arguments parse to an object.
  package var arguments: String?
  package var provider: ToolProviderInfo?
  /// The name the model was shown, where that is not `toolName`.
  package var shownName: String?

  package init(
    kind: Kind, reason: String, toolName: String, arguments: String? = nil, provider: ToolProviderInfo? = nil
  ) {
    self.kind = kind
    self.reason = reason
    self.toolName = toolName
    self.arguments = arguments
    self.provider = provider
  }
}
