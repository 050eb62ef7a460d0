import AtelierCore

extension FieldReader {
  /// A function's `name`, `description` and the JSON Schema under the key `schema`, within their limits.
  func toolDefinition(schema key: String) -> ToolDefinition? {
    let schema = object(key).map { JSONValue.object($0).serialized() }
    let description = string("description")
    guard let name = required("name", name) else { return nil }
    guard name.count <= RequestLimits.toolNameCharacters else {
      return wrongValue("name", "must have at most \(RequestLimits.toolNameCharacters) characters")
    }
    guard (description?.utf8.count ?? 0) <= RequestLimits.toolDescriptionBytes else {
      return wrongValue("description", "must have at most \(RequestLimits.toolDescriptionBytes) bytes")
    }
    guard (schema?.utf8.count ?? 0) <= RequestLimits.toolSchemaBytes else {
      return wrongValue(key, "must have at most \(RequestLimits.toolSchemaBytes) bytes")
    }
    return ToolDefinition(name: name, description: description, parametersJSON: schema)
  }
}

extension [ToolDefinition] {
  /// The first of a name wins.
  func withoutRepeats() -> [ToolDefinition] {
    var seen: Set<String> = []
    return filter { seen.insert($0.name).inserted }
  }
}
