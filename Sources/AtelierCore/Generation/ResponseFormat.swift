/// What the text of an answer is held to while it is generated.
package enum ResponseFormat: Sendable, Hashable, Codable {
  case text
  /// Any JSON object.
  case jsonObject
  /// A JSON Schema as JSON text, member order kept.
  case jsonSchema(String)
}
