import AtelierCore

/// `tools` and `tool_choice` (anthropic.md 5).
enum AnthropicTools {
  struct Selection {
    var definitions: [ToolDefinition] = []
    var choice = ToolChoice.auto
    var parallel = true

    var forcesCall: Bool { choice != .auto && choice != .none }
  }

  static func read(_ fields: FieldReader) -> Selection {
    var selection = Selection(definitions: definitions(fields))
    choose(fields, &selection)
    return selection
  }

  private static func definitions(_ fields: FieldReader) -> [ToolDefinition] {
    guard let tools = fields.array("tools", upTo: RequestLimits.tools) else { return [] }
    var definitions: [ToolDefinition] = []
    for (place, tool) in tools.enumerated() where !fields.problems.isFull {
      guard let object = tool.objectValue else {
        let _: Never? = fields.wrongType("tools.\(place)", "object", tool)
        continue
      }
      let reader = FieldReader(object, path: "tools.\(place)", problems: fields.problems)
      switch reader.string("type") {
      case nil, "custom":
        if let definition = reader.toolDefinition(schema: "input_schema") { definitions.append(definition) }
      // Tools that the hosted API would run itself are left out: there is nobody here to run them.
      case let type?:
        if let definition = AnthropicTypedTools.definition(type: type, name: reader.string("name")) {
          definitions.append(definition)
        }
      }
    }
    return definitions.withoutRepeats()
  }

  private static func choose(_ fields: FieldReader, _ selection: inout Selection) {
    guard let choice = fields.reader("tool_choice") else { return }
    selection.parallel = !(choice.boolean("disable_parallel_tool_use") ?? false)
    switch choice.required("type", choice.string) {
    case nil, "auto": break
    case "none": selection.choice = .none
    case "any":
      selection.choice = .required
      if selection.definitions.isEmpty {
        let _: Never? = fields.wrongValue("tool_choice", "demands a call, but the request offers no tools to call")
      }
    case "tool":
      guard let name = choice.required("name", choice.name) else { return }
      guard selection.definitions.contains(where: { $0.name == name }) else {
        let _: Never? = fields.wrongValue(
          "tool_choice", "names '\(FieldReader.shortened(name))', which is not among the tools offered to the model")
        return
      }
      selection.choice = .named(name)
      // Exactly that tool, once.
      selection.parallel = false
    default:
      let _: Never? = choice.wrongValue("type", "must be one of 'auto', 'any', 'tool', 'none'")
    }
  }
}
