import AtelierCore

/// Anthropic's tools that the client runs and whose schema the hosted models know by heart (anthropic.md 5.2). Other
/// models have to be told; the fields are those of Anthropic's tool documentation.
enum AnthropicTypedTools {
  /// nil for typed tools that are not offered to the model.
  static func definition(type: String, name: String?) -> ToolDefinition? {
    guard let tool = all.first(where: { type.hasPrefix($0.prefix) }) else { return nil }
    return ToolDefinition(name: name ?? tool.name, description: tool.description, parametersJSON: tool.schema)
  }

  private static let all: [(prefix: String, name: String, description: String, schema: String)] = [
    (
      "bash_", "bash", "Run a command in a persistent bash session.",
      #"{"type":"object","properties":{"command":{"type":"string","description":"The command to run."},"#
        + #""restart":{"type":"boolean","description":"True restarts the session instead."}}}"#
    ),
    (
      "text_editor_", "str_replace_based_edit_tool", "View, create and edit text files.",
      #"{"type":"object","properties":{"#
        + #""command":{"type":"string","enum":["view","create","str_replace","insert"]},"# + fileProperties
        + #"},"required":["command","path"]}"#
    ),
    (
      "memory_", "memory", "Keep notes in files of the /memories directory.",
      #"{"type":"object","properties":{"#
        + #""command":{"type":"string","enum":["view","create","str_replace","insert","delete","rename"]},"#
        + fileProperties
        + #","old_path":{"type":"string","description":"For rename."},"new_path":{"type":"string"}},"#
        + #""required":["command"]}"#
    ),
  ]

  private static let fileProperties =
    #""path":{"type":"string","description":"Absolute path of the file or directory."},"#
    + #""file_text":{"type":"string","description":"For create: the whole text."},"#
    + #""old_str":{"type":"string","description":"For str_replace: text that occurs exactly once."},"#
    + #""new_str":{"type":"string","description":"For str_replace: what replaces it."},"#
    + #""insert_line":{"type":"integer","description":"For insert: the line after which to insert, 0 for the start."},"#
    + #""insert_text":{"type":"string","description":"For insert."},"#
    + #""view_range":{"type":"array","items":{"type":"integer"},"description":"For view: first and last line."}"#
}
