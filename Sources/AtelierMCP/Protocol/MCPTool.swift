import AtelierCore

/// A tool as its server lists it.
package struct MCPTool: Sendable, Hashable {
  package var name: String
  package var description: String?
  /// A JSON Schema whose root is an object.
  package var inputSchema: JSONValue
  package var outputSchema: JSONValue?
  /// The server's hints for clients, an object; left out when it is larger than allowed.
  package var annotations: JSONValue?
  var parameterHeaders: ParameterHeaders?

  /// nil when the entry is no tool, or one we cannot offer: `reason` says why.
  init?(_ value: JSONValue, version: ProtocolVersion, limits: MCPLimits, reason: inout String) {
    guard let name = value["name"]?.stringValue, !name.isEmpty, name.utf8.count <= 256 else {
      reason = "it has no usable name"
      return nil
    }
    let schema = value["inputSchema"] ?? ["type": "object"]
    guard schema.objectValue != nil, schema.serialized().utf8.count <= limits.schemaBytes else {
      reason = "its schema is no object or larger than \(limits.schemaBytes >> 10) KiB"
      return nil
    }
    guard value["execution"]?["taskSupport"] != "required" else {
      reason = "it can only run as a task, which is not supported"
      return nil
    }
    if version.era == .stateless {
      guard let headers = ParameterHeaders(schema: schema) else {
        reason = "an x-mcp-header of its schema is invalid"
        return nil
      }
      parameterHeaders = headers
    }
    self.name = name
    description = value["description"]?.stringValue.map { Utf8Prefix.of($0, bytes: limits.descriptionBytes) }
    inputSchema = schema
    outputSchema = Self.object(value["outputSchema"])
    annotations = Self.object(value["annotations"])
    if let hints = annotations, hints.serialized().utf8.count > limits.annotationBytes { annotations = Optional.none }
  }

  private static func object(_ value: JSONValue?) -> JSONValue? { value?.objectValue.map(JSONValue.object) }

  package var offer: OfferedTool {
    OfferedTool(
      ToolDefinition(name: name, description: description, parametersJSON: inputSchema.serialized()),
      annotationsJSON: annotations?.serialized())
  }
}
