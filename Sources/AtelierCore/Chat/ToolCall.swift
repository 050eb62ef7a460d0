/// A call the model made. `arguments` is JSON text exactly as generated.
package struct ToolCall: Sendable, Hashable, Codable {
  package var id: String
  package var name: String
  package var arguments: String

  package init(id: String, name: String, arguments: String) {
    self.id = id
    self.name = name
    self.arguments = arguments
  }
}
