import AtelierCore

/// `tools`, `tool_choice` and `parallel_tool_calls` (openai.md 10.3), also of `additional_tools` items.
struct OpenAIResponsesTools {
  private(set) var definitions: [ToolDefinition] = []
  private(set) var choice = ToolChoice.auto
  private(set) var parallel = true
  private(set) var forms = ToolForms()
  /// The first call is to be one of a server's tools.
  private(set) var servedChoice: ServedToolOptions.Choice?
  /// Servers whose tools the runtime runs.
  private(set) var servers: [ToolProviderReference] = []
  /// `tools` as the response object repeats it: without credentials.
  private(set) var echo: [JSONValue] = []

  private let fields: FieldReader
  /// Servers by their labels.
  private var providers: [String: ToolProviderInfo] = [:]

  static func read(_ fields: FieldReader, additional: [FieldReader]) -> OpenAIResponsesTools {
    var tools = OpenAIResponsesTools(fields: fields)
    tools.add(fields)
    for item in additional { tools.add(item) }
    tools.definitions = tools.definitions.withoutRepeats()
    if tools.definitions.count > RequestLimits.tools {
      let _: Never? = fields.wrongValue("tools", "must have at most \(RequestLimits.tools) functions")
    }
    if tools.servers.count > RequestLimits.toolServers {
      let _: Never? = fields.wrongValue("tools", "must have at most \(RequestLimits.toolServers) MCP servers")
    }
    tools.echo = (fields["tools"]?.arrayValue ?? []).map(withoutCredentials)
    tools.parallel = fields.boolean("parallel_tool_calls") ?? true
    tools.choose()
    return tools
  }

  private init(fields: FieldReader) { self.fields = fields }

  private static func withoutCredentials(_ tool: JSONValue) -> JSONValue {
    guard var object = tool.objectValue, object["type"] == "mcp" else { return tool }
    object["headers"] = nil
    object["authorization"] = nil
    return .object(object)
  }

  // MARK: Definitions

  private mutating func add(_ holder: FieldReader, namespace: String? = nil) {
    guard let tools = holder.array("tools", upTo: RequestLimits.tools) else { return }
    for (place, tool) in tools.enumerated() where !fields.problems.isFull {
      guard let object = tool.objectValue else {
        let _: Never? = holder.wrongType("tools.\(place)", "object", tool)
        continue
      }
      let reader = FieldReader(object, path: holder.path(of: "tools.\(place)"), problems: fields.problems)
      switch reader.required("type", reader.string) {
      case nil: break
      case "function":
        // Chat completions wrap the function once more.
        let function = reader.reader("function") ?? reader
        _ = function.lenientBoolean("strict")
        if let definition = function.toolDefinition(schema: "parameters") {
          add(definition, namespace, isCustom: false, at: reader)
        }
      case "custom":
        if let definition = Self.custom(reader) { add(definition, namespace, isCustom: true, at: reader) }
      case "namespace" where namespace == nil:
        if let name = reader.required("name", reader.name) { add(reader, namespace: name) }
      case "mcp" where namespace == nil:
        if let server = server(reader) { servers.append(server) }
      // Tools that the hosted API runs itself, or that only hosted models know: nobody here could run or call them.
      default: break
      }
    }
  }

  private mutating func add(
    _ definition: ToolDefinition, _ namespace: String?, isCustom: Bool, at reader: FieldReader
  ) {
    var definition = definition
    let form = ToolForms.Form(name: definition.name, namespace: namespace, isCustom: isCustom)
    definition.name = ToolForms.modelName(definition.name, namespace: namespace)
    guard definition.name.count <= RequestLimits.toolNameCharacters else {
      let _: Never? = reader.wrongValue(
        "name", "must have at most \(RequestLimits.toolNameCharacters) characters, its namespace included")
      return
    }
    forms.add(form, as: definition.name)
    definitions.append(definition)
  }

  /// A function with the one parameter `input`. Grammars of the input are told to the model and not enforced.
  private static func custom(_ tool: FieldReader) -> ToolDefinition? {
    guard var definition = tool.toolDefinition(schema: "parameters") else { return nil }
    definition.parametersJSON = CustomToolInput.schema
    guard let format = tool.reader("format"), let grammar = format["definition"]?.stringValue else { return definition }
    guard grammar.utf8.count <= RequestLimits.toolSchemaBytes else {
      return format.wrongValue("definition", "must have at most \(RequestLimits.toolSchemaBytes) bytes")
    }
    let syntax = format["syntax"]?.stringValue.map { $0 + " " } ?? ""
    let rule = "The input must follow this \(syntax)grammar:\n\(grammar)"
    definition.description = [definition.description, rule].compactMap(\.self).joined(separator: "\n\n")
    return definition
  }

  // MARK: Servers

  private mutating func server(_ tool: FieldReader) -> ToolProviderReference? {
    for key in ["connector_id", "tunnel_id"] where tool.has(key) {
      let path = tool.path(of: key)
      fields.problems.add(.unsupportedParameter, "'\(path)' is not supported; use 'server_url'", param: path)
    }
    refuseApproval(tool)
    let label = tool.required("server_label", tool.name)
    let url = tool.string("server_url")
    let allowed = allowedTools(tool)
    let headers = headers(tool)
    guard let label else { return nil }
    guard providers[label] == nil else {
      return tool.wrongValue("server_label", "is used by another server of the request")
    }
    guard let url else {
      let id = forms.pluginID(of: label)
      providers[label] = .plugin(id: id)
      return .plugin(id: id, allowedTools: allowed)
    }
    providers[label] = .ephemeral(serverLabel: label)
    return .ephemeral(EphemeralToolServer(label: label, url: url, headers: headers, allowedTools: allowed))
  }

  /// Running what the client wanted to approve first would be worse than refusing.
  private func refuseApproval(_ tool: FieldReader) {
    guard let approval = tool["require_approval"], approval != "never" else { return }
    let path = tool.path(of: "require_approval")
    fields.problems.add(
      .notImplemented, "'\(path)' can only be 'never': calls are not held for approval here", param: path)
  }

  private func allowedTools(_ tool: FieldReader) -> [String]? {
    if tool["allowed_tools"]?.objectValue != nil {
      return tool.reader("allowed_tools")?.strings("tool_names", upTo: RequestLimits.allowedTools)
    }
    return tool.strings("allowed_tools", upTo: RequestLimits.allowedTools)
  }

  private func headers(_ tool: FieldReader) -> [EphemeralToolServer.Header] {
    var headers: [EphemeralToolServer.Header] = []
    let members = tool.object("headers") ?? [:]
    guard members.count <= RequestLimits.toolServerHeaders else {
      let _: Never? = tool.wrongValue("headers", "must have at most \(RequestLimits.toolServerHeaders) members")
      return []
    }
    for (name, value) in members {
      guard let text = value.stringValue else {
        let _: Never? = tool.wrongType("headers", "strings as values", value)
        continue
      }
      headers.append(EphemeralToolServer.Header(name: name, value: Secret(text)))
    }
    if let token = tool.string("authorization") {
      headers.append(EphemeralToolServer.Header(name: "Authorization", value: Secret("Bearer " + token)))
    }
    return headers
  }

  // MARK: Choice

  private mutating func choose() {
    let key = "tool_choice"
    switch fields[key] {
    case nil, .string("auto"): break
    case .string("none"): choice = .none
    case .string("required"), .string("any"): choice = .required
    case .string:
      let _: Never? = fields.wrongValue(key, "must be 'auto', 'none', 'required' or name a tool")
    case .object(let object): choose(FieldReader(object, path: key, problems: fields.problems))
    case .some(let value):
      let _: Never? = fields.wrongType(key, "string or object", value)
    }
    if choice == .required, definitions.isEmpty, servers.isEmpty {
      let _: Never? = fields.wrongValue(key, "demands a call, but the request offers no tools to call")
    }
  }

  private mutating func choose(_ chosen: FieldReader) {
    switch chosen.required("type", chosen.string) {
    case nil: break
    case "function", "custom":
      guard let name = modelName(chosen.object) else {
        let _: Never? = fields.wrongValue(
          "tool_choice", "names a tool that is not among those of the request that a model can call")
        return
      }
      choice = .named(name)
    case "mcp":
      guard let label = chosen.required("server_label", chosen.name) else { return }
      guard let provider = providers[label] else {
        let _: Never? = chosen.wrongValue("server_label", "names no server of the request")
        return
      }
      choice = .required
      servedChoice = ServedToolOptions.Choice(provider: provider, tool: chosen.string("name"))
    case "allowed_tools": allow(chosen.reader("allowed_tools") ?? chosen)
    case let type?:
      let _: Never? = chosen.wrongValue(
        "type", "'\(FieldReader.shortened(type))' is no tool that this server offers to a model")
    }
  }

  private func modelName(_ object: JSONObject) -> String? {
    let isCustom = object["type"].map { $0 == "custom" }
    guard let name = (object["function"]?["name"] ?? object["name"])?.stringValue else { return nil }
    return forms.modelName(of: name, namespace: object["namespace"]?.stringValue, isCustom: isCustom)
  }

  /// Offers only these.
  private mutating func allow(_ allowed: FieldReader) {
    let mode = allowed.word("mode", of: ["auto": ToolChoice.auto, "required": .required])
    guard let tools = allowed.required("tools", { allowed.array($0, upTo: RequestLimits.tools) }) else { return }
    let named = tools.compactMap(\.objectValue)
    let names = Set(named.filter { $0["type"] != "mcp" }.compactMap(modelName))
    definitions.removeAll { !names.contains($0.name) }
    servers = servers.compactMap { Self.narrowed($0, to: named.filter { $0["type"] == "mcp" }, providers) }
    choice = mode ?? .auto
  }

  /// The server with the tools that are still allowed; nil when it is not named.
  private static func narrowed(
    _ server: ToolProviderReference, to named: [JSONObject], _ providers: [String: ToolProviderInfo]
  ) -> ToolProviderReference? {
    func tools(_ info: ToolProviderInfo, _ allowed: [String]?) -> [String]?? {
      let entries = named.filter { $0["server_label"]?.stringValue.flatMap { providers[$0] } == info }
      guard !entries.isEmpty else { return nil }
      let names = entries.compactMap { $0["name"]?.stringValue }
      guard names.count == entries.count else { return .some(allowed) }
      return allowed.map { allowed in names.filter(allowed.contains) } ?? names
    }
    switch server {
    case .plugin(let id, let allowed):
      return tools(.plugin(id: id), allowed).map { .plugin(id: id, allowedTools: $0) }
    case .ephemeral(var server):
      guard let allowed = tools(.ephemeral(serverLabel: server.label), server.allowedTools) else { return nil }
      server.allowedTools = allowed
      return .ephemeral(server)
    }
  }
}
