/// What a server of tools offered when a request connected it, or why it offered nothing.
package struct ToolListing: Sendable, Hashable, Codable {
  package var provider: ToolProviderInfo
  /// Under the server's own names.
  package var tools: [OfferedTool]
  /// Why the server could not be connected or did not list its tools; the answer fails then.
  package var failure: String?

  package init(provider: ToolProviderInfo, tools: [OfferedTool] = [], failure: String? = nil) {
    self.provider = provider
    self.tools = tools
    self.failure = failure
  }
}
