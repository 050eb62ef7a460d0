/// A call the model made. `arguments` is JSON text exactly as generated.
package struct ToolCall: Sendable, Hashable, Codable {
  package var id: String
  package var name: String
  package var arguments: String
  /// The name the model was shown, where that is not `name`: a tool of a server whose own name was taken or unfit.
  package var shownName: String?

  package init(id: String, name: String, arguments: String) {
    self.id = id
    self.name = name
    self.arguments = arguments
  }
}
