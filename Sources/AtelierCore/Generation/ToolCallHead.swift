/// What is known of a call before its arguments.
package struct ToolCallHead: Sendable, Hashable, Codable {
  package var id: String
  package var name: String
  /// nil: the client runs it.
  package var provider: ToolProviderInfo?

  package init(id: String, name: String, provider: ToolProviderInfo? = nil) {
    self.id = id
    self.name = name
    self.provider = provider
  }
}
