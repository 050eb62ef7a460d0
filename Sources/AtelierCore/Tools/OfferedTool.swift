/// A tool as its server offers it: what a model is shown, and what only clients are told.
package struct OfferedTool: Sendable, Hashable, Codable {
  package var definition: ToolDefinition
  /// The server's hints about what a call does (`readOnlyHint`, `title` …), an object as JSON text. Nothing here acts on
  /// them.
  package var annotationsJSON: String?

  package init(_ definition: ToolDefinition, annotationsJSON: String? = nil) {
    self.definition = definition
    self.annotationsJSON = annotationsJSON
  }

  /// The server's own name of it.
  package var name: String { definition.name }
}
