import AtelierCore

/// How the tools of one request look to the client, by the names the model knows them under.
///
/// A model sees plain functions. Tools in a namespace are called `<namespace>__<name>` there, and custom tools take their
/// free text as the one argument `input`; answers must name both as the client declared them (openai.md 10.3).
struct ToolForms: Sendable, Hashable {
  struct Form: Sendable, Hashable {
    var name: String
    var namespace: String?
    /// Takes free text instead of JSON.
    var isCustom = false
  }

  private var forms: [String: Form] = [:]
  /// Labels of servers of mcp.json that the client wrote without `mcp/`.
  private(set) var bareLabels: Set<String> = []

  init() {}

  /// The name under which the model knows a tool. The namespace `functions` is the one that models speak of by themselves.
  static func modelName(_ name: String, namespace: String?) -> String {
    guard let namespace, !namespace.isEmpty, namespace != "functions" else { return name }
    return namespace + (namespace.hasSuffix("__") || name.hasPrefix("__") ? "" : "__") + name
  }

  /// The first of a name wins.
  mutating func add(_ form: Form, as modelName: String) {
    if forms[modelName] == nil { forms[modelName] = form }
  }

  /// The id of the server of mcp.json that a client calls `label`, with or without its prefix.
  mutating func pluginID(of label: String) -> String {
    guard !label.hasPrefix(PluginID.prefix) else { return label }
    bareLabels.insert(label)
    return PluginID.prefix + label
  }

  /// As the client calls the server.
  func label(of provider: ToolProviderInfo?) -> String {
    switch provider {
    case .plugin(let id):
      let bare = String(id.dropFirst(PluginID.prefix.count))
      return id.hasPrefix(PluginID.prefix) && bareLabels.contains(bare) ? bare : id
    case .ephemeral(let label): return label
    case nil: return ""
    }
  }

  subscript(modelName: String) -> Form { forms[modelName] ?? Form(name: modelName) }

  /// The name under which the model knows the tool that a client means by `name`, alone or in a namespace.
  func modelName(of name: String, namespace: String? = nil, isCustom: Bool? = nil) -> String? {
    func fits(_ form: Form) -> Bool { isCustom.map { $0 == form.isCustom } ?? true }
    if let form = forms[Self.modelName(name, namespace: namespace)], fits(form) {
      return Self.modelName(name, namespace: namespace)
    }
    let found = forms.filter {
      $0.value.name == name && fits($0.value) && (namespace == nil || $0.value.namespace == namespace)
    }
    return found.count == 1 ? found.first?.key : nil
  }

  // MARK: As it is stored

  /// Only of tools whose form is not plain.
  var json: JSONValue {
    let special = forms.filter { $0.value != Form(name: $0.key) }.sorted { $0.key < $1.key }
    return .object(
      JSONObject(
        special.map { key, form in
          var object: JSONObject = ["name": .string(form.name)]
          if let namespace = form.namespace { object["namespace"] = .string(namespace) }
          if form.isCustom { object["custom"] = true }
          return (key, .object(object))
        }))
  }

  init(_ json: JSONValue?, bareLabels: [String] = []) {
    self.bareLabels = Set(bareLabels)
    for (key, value) in json?.objectValue ?? [:] {
      forms[key] = Form(
        name: value["name"]?.stringValue ?? key, namespace: value["namespace"]?.stringValue,
        isCustom: value["custom"]?.boolValue ?? false)
    }
  }
}
