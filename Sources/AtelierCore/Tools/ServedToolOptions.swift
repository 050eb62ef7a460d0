/// How a dialect wants the tools of servers to be shown, called and bounded.
package struct ServedToolOptions: Sendable, Hashable {
  /// The answer begins with what each server offers.
  package var listsTools = false
  /// Between a server's label and a tool's name, where a tool's own name is taken.
  package var separator = "_"
  /// Calls that are run at most; nil: as many as the settings allow.
  package var maxCalls: Int?
  /// The first call must be one of these; nil: as the request's tool choice says.
  package var choice: Choice?

  package struct Choice: Sendable, Hashable {
    package var provider: ToolProviderInfo
    /// The server's own name of the tool; nil: any of its tools.
    package var tool: String?

    package init(provider: ToolProviderInfo, tool: String? = nil) {
      self.provider = provider
      self.tool = tool
    }
  }

  package init() {}
}
