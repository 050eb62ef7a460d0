import AtelierCore

/// `text.format`: flat, where chat completions wrap the schema once more; both forms are read. `strict`, `name` and
/// `description` are hints: the schema always holds.
struct OpenAIResponsesFormat {
  var format = ResponseFormat.text
  /// The member as the response object repeats it.
  var echo: JSONValue = ["type": "text"]

  static func read(_ fields: FieldReader) -> OpenAIResponsesFormat {
    guard let reader = fields.reader("text")?.reader("format") else { return OpenAIResponsesFormat() }
    let echo = JSONValue.object(reader.object)
    switch reader.required("type", reader.string) {
    case nil, "text": return OpenAIResponsesFormat()
    case "json_object": return OpenAIResponsesFormat(format: .jsonObject, echo: echo)
    case "json_schema":
      let holder = reader.reader("json_schema") ?? reader
      _ = holder.lenientBoolean("strict")
      let schema = holder.object("schema").map { JSONValue.object($0).serialized() }
      return OpenAIResponsesFormat(format: schema.map(ResponseFormat.jsonSchema) ?? .jsonObject, echo: echo)
    default:
      let _: Never? = reader.wrongValue("type", "must be 'text', 'json_object' or 'json_schema'")
      return OpenAIResponsesFormat()
    }
  }
}
