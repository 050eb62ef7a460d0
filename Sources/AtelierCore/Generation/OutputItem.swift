/// One finished block of an answer.
package enum OutputItem: Sendable, Hashable, Codable {
  case reasoning(String)
  case message(String)
  /// A call for the client to run.
  case toolCall(ToolCall)
  /// A call the server ran.
  case executedToolCall(ToolCall, provider: ToolProviderInfo?, output: String, isError: Bool = false)
  case invalidToolCall(InvalidToolCall)
  case toolListing(ToolListing)
}
