import AtelierCore

/// `tools`, `tool_choice`, `parallel_tool_calls`, and the older `functions` and `function_call` (openai.md 7.5, 7.6).
enum OpenAITools {
  struct Selection {
    var definitions: [ToolDefinition] = []
    var choice = ToolChoice.auto
    var parallel = true
    var isLegacy = false
  }

  static func read(_ fields: FieldReader) -> Selection {
    var selection = Selection()
    if fields.has("tools") || !fields.has("functions") {
      selection.definitions = definitions(fields)
      selection.parallel = fields.boolean("parallel_tool_calls") ?? true
      choose(fields, "tool_choice", &selection)
    } else {
      selection.definitions = functions(fields)
      selection.isLegacy = true
      // A legacy answer has room for one call.
      selection.parallel = false
      choose(fields, "function_call", &selection)
    }
    return selection
  }

  // MARK: Definitions

  private static func definitions(_ fields: FieldReader) -> [ToolDefinition] {
    guard let tools = fields.array("tools", upTo: RequestLimits.tools) else { return [] }
    var definitions: [ToolDefinition] = []
    for (place, tool) in tools.enumerated() where !fields.problems.isFull {
      let path = "tools.\(place)"
      guard let object = tool.objectValue else {
        let _: Never? = fields.wrongType(path, "object", tool)
        continue
      }
      let reader = FieldReader(object, path: path, problems: fields.problems)
      guard let type = reader.required("type", reader.string) else { continue }
      guard type == "function" else {
        let _: Never? = reader.wrongValue("type", "must be 'function'")
        continue
      }
      guard let function = reader.required("function", reader.reader) else { continue }
      if let definition = definition(function) { definitions.append(definition) }
    }
    return definitions.withoutRepeats()
  }

  private static func functions(_ fields: FieldReader) -> [ToolDefinition] {
    guard let functions = fields.array("functions", upTo: RequestLimits.tools) else { return [] }
    var definitions: [ToolDefinition] = []
    for (place, function) in functions.enumerated() where !fields.problems.isFull {
      guard let object = function.objectValue else {
        let _: Never? = fields.wrongType("functions.\(place)", "object", function)
        continue
      }
      let reader = FieldReader(object, path: "functions.\(place)", problems: fields.problems)
      if let definition = definition(reader) { definitions.append(definition) }
    }
    return definitions.withoutRepeats()
  }

  private static func definition(_ function: FieldReader) -> ToolDefinition? {
    _ = function.lenientBoolean("strict")
    return function.toolDefinition(schema: "parameters")
  }

  // MARK: Choice

  private static func choose(_ fields: FieldReader, _ key: String, _ selection: inout Selection) {
    switch fields[key] {
    case nil, .string("auto"): break
    case .string("none"): selection.choice = .none
    case .string("required"), .string("any"): selection.choice = .required
    case .string:
      let _: Never? = fields.wrongValue(key, "must be 'auto', 'none', 'required' or name a function")
    case .object(let object):
      if object["type"] == "allowed_tools" {
        allow(fields, FieldReader(object, path: key, problems: fields.problems), &selection)
      } else {
        name(fields, key, object, &selection)
      }
    case .some(let value):
      let _: Never? = fields.wrongType(key, "string or object", value)
    }
    if selection.choice == .required, selection.definitions.isEmpty {
      let _: Never? = fields.wrongValue(key, "demands a call, but the request offers no tools")
    }
  }

  /// `{"type":"function","function":{"name"}}`, the flat `{"type":"function","name"}`, and the legacy `{"name"}`.
  private static func name(
    _ fields: FieldReader, _ key: String, _ object: JSONObject, _ selection: inout Selection
  ) {
    guard let name = functionName(.object(object)) else {
      let _: Never? = fields.wrongValue(key, "must name a function")
      return
    }
    guard selection.definitions.contains(where: { $0.name == name }) else {
      let _: Never? = fields.wrongValue(
        key, "names '\(FieldReader.shortened(name))', which is not among the request's tools")
      return
    }
    selection.choice = .named(name)
  }

  /// `{"type":"allowed_tools","allowed_tools":{"mode","tools"}}`: offers only these.
  private static func allow(_ fields: FieldReader, _ choice: FieldReader, _ selection: inout Selection) {
    guard let allowed = choice.required("allowed_tools", choice.reader) else { return }
    let mode = allowed.word("mode", of: ["auto": ToolChoice.auto, "required": .required])
    guard let tools = allowed.required("tools", { allowed.array($0, upTo: RequestLimits.tools) }) else { return }
    let names = Set(tools.compactMap(functionName))
    selection.definitions.removeAll { !names.contains($0.name) }
    selection.choice = mode ?? .auto
  }

  private static func functionName(_ value: JSONValue) -> String? {
    (value["function"]?["name"] ?? value["name"])?.stringValue
  }
}
