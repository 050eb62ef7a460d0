import AtelierCore

/// `response_format` (openai.md 7.7). `strict`, `name` and `description` are hints: the schema always holds.
enum OpenAIResponseFormat {
  static func read(_ fields: FieldReader) -> ResponseFormat {
    guard let format = fields.reader("response_format") else { return .text }
    switch format.required("type", format.string) {
    case nil, "text": return .text
    case "json_object": return .jsonObject
    case "json_schema":
      guard let wrapper = format.required("json_schema", format.reader) else { return .text }
      _ = wrapper.lenientBoolean("strict")
      return wrapper.object("schema").map { .jsonSchema(JSONValue.object($0).serialized()) } ?? .jsonObject
    default:
      let _: Never? = format.wrongValue("type", "must be 'text', 'json_object' or 'json_schema'")
      return .text
    }
  }
}
