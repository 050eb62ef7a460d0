/// A function offered to the model.
package struct ToolDefinition: Sendable, Hashable, Codable {
  package var name: String
  package var description: String?
  /// JSON Schema of the arguments as JSON text, member order kept; nil means an object without properties.
  package var parametersJSON: String?

  package init(name: String, description: String? = nil, parametersJSON: String? = nil) {
    self.name = name
    self.description = description
    self.parametersJSON = parametersJSON
  }
}
