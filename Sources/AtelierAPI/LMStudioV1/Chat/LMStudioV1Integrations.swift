import AtelierCore

/// `integrations`: servers of tools (native.md 4.3). Whether they may be used is decided elsewhere.
enum LMStudioV1Integrations {
  private static let pluginKeys: Set<String> = ["type", "id", "allowed_tools"]
  private static let ephemeralKeys: Set<String> = ["type", "server_label", "server_url", "allowed_tools", "headers"]

  static func read(_ fields: FieldReader) -> [ToolProviderReference] {
    guard let items = fields.array("integrations", upTo: RequestLimits.toolServers) else { return [] }
    return items.enumerated().compactMap { reference($1, at: $0, fields) }
  }

  private static func reference(_ item: JSONValue, at place: Int, _ fields: FieldReader) -> ToolProviderReference? {
    let path = "integrations.\(place)"
    if let id = item.stringValue {
      guard !id.isEmpty else { return fields.wrongValue(path, "must not be empty") }
      return .plugin(id: id, allowedTools: nil)
    }
    guard let object = item.objectValue else { return fields.wrongType(path, "string or object", item) }
    let reader = FieldReader(object, path: path, problems: fields.problems)
    switch reader.required("type", reader.string) {
    case "plugin":
      reader.refuseKeys(notIn: pluginKeys)
      let id = reader.required("id", reader.name)
      let allowedTools = reader.strings("allowed_tools", upTo: RequestLimits.allowedTools)
      return id.map { .plugin(id: $0, allowedTools: allowedTools) }
    case "ephemeral_mcp":
      reader.refuseKeys(notIn: ephemeralKeys)
      let label = reader.required("server_label", reader.name)
      let url = reader.required("server_url", reader.name)
      let allowedTools = reader.strings("allowed_tools", upTo: RequestLimits.allowedTools)
      let headers = headers(reader)
      guard let label, let url else { return nil }
      return .ephemeral(EphemeralToolServer(label: label, url: url, headers: headers, allowedTools: allowedTools))
    case nil: return nil
    default: return reader.wrongValue("type", "must be 'plugin' or 'ephemeral_mcp'")
    }
  }

  private static func headers(_ reader: FieldReader) -> [EphemeralToolServer.Header] {
    guard let members = reader.object("headers") else { return [] }
    guard members.count <= RequestLimits.toolServerHeaders else {
      reader.problems.add(
        .invalidValue, "'\(reader.path).headers' must have at most \(RequestLimits.toolServerHeaders) members",
        param: "\(reader.path).headers")
      return []
    }
    return members.compactMap { name, value in
      guard let text = value.stringValue else { return reader.wrongType("headers", "strings as values", value) }
      return EphemeralToolServer.Header(name: name, value: Secret(text))
    }
  }
}
