import AtelierCore

/// What a `model.yaml` says (native.md 16): a name for models on disk, or for another such name, with settings of its own.
struct VirtualModel: Sendable, Hashable {
  enum Base: Sendable, Hashable {
    /// Another virtual model.
    case named(String)
    /// `publisher/repository` of files, best first.
    case repositories([String])
  }

  /// What lists show instead of what the files say; nil: as the files say.
  struct Overrides: Sendable, Hashable {
    var trainedForToolUse: Bool?
    var vision: Bool?
    var reasoning: Bool?
    var parameters: String?
  }

  /// `publisher/name`, as written.
  var name: String
  var base: Base
  var description: String?
  var overrides = Overrides()
  var defaults = ModelDefaults()
  /// What has no effect, for logs.
  var problems: [String] = []

  var publisher: String { String(name.prefix { $0 != "/" }) }

  struct Fault: Error, Hashable { var reason: String }

  init(_ json: JSONValue) throws(Fault) {
    guard let name = json["model"]?.stringValue, Self.isName(name) else {
      throw Fault(reason: "'model' must be publisher/name")
    }
    self.name = name
    switch json["base"] {
    case .string(let other)? where Self.isName(other): base = .named(other)
    case .array(let entries)?:
      let repositories = entries.prefix(32).flatMap(Self.repositories)
      guard !repositories.isEmpty else { throw Fault(reason: "'base' names no repository") }
      base = .repositories(repositories)
    default: throw Fault(reason: "'base' must be publisher/name or a list of sources")
    }
    description = json["description"]?.stringValue.map { String($0.prefix(1 << 12)) }
    readOverrides(json["metadataOverrides"])
    for section in ["load", "operation"] {
      for field in (json["config"]?[section]?["fields"]?.arrayValue ?? []).prefix(256) {
        guard let key = field["key"]?.stringValue else { continue }
        do throws(ModelDefaults.Fault) {
          try defaults.set(key, to: field["value"] ?? .null)
        } catch {
          problems.append("\(key.prefix(80)): \(error == .unknownKey ? "unknown setting" : "value not allowed")")
        }
      }
    }
    defaults.customFields = (json["customFields"]?.arrayValue ?? []).prefix(32).compactMap(CustomField.init)
  }

  private mutating func readOverrides(_ json: JSONValue?) {
    overrides.trainedForToolUse = json?["trainedForToolUse"]?.boolValue
    overrides.vision = json?["vision"]?.boolValue
    overrides.reasoning = json?["reasoning"]?.boolValue
    if case .string(let text)? = json?["paramsStrings"]?.arrayValue?.first, text.utf8.count <= 24 {
      overrides.parameters = text
    }
  }

  /// An entry's sources, then its own key.
  private static func repositories(_ entry: JSONValue) -> [String] {
    var found = (entry["sources"]?.arrayValue ?? []).prefix(16).compactMap { source -> String? in
      guard let user = source["user"]?.stringValue, let repository = source["repo"]?.stringValue else { return nil }
      return "\(user)/\(repository)"
    }
    if let key = entry["key"]?.stringValue ?? entry.stringValue { found.append(key) }
    return found.filter(isName)
  }

  /// Exactly one slash between two names.
  private static func isName(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        (1...96).contains(part.utf8.count) && part.first != "."
          && part.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
              || byte == 0x2D || byte == 0x2E || byte == 0x5F
          }
      }
  }

  /// How the model of the files looks under this name.
  func applied(to model: ModelDescription) -> ModelDescription {
    var result = model
    let oldKey = model.key
    result.key = name
    result.publisher = publisher
    result.description = description ?? model.description
    result.aliases = [oldKey, "\(model.publisher)/\(model.repository)"] + model.aliases
    for place in result.variants.indices {
      let variant = model.variants[place].name
      if variant.hasPrefix(oldKey) { result.variants[place].name = name + variant.dropFirst(oldKey.count) }
    }
    if let parameters = overrides.parameters { result.parameters = parameters }
    guard model.kind == .llm else { return result }
    if let flag = overrides.trainedForToolUse { result.capabilities.trainedForToolUse = flag }
    // Without a projector nothing can see, whatever is claimed.
    if overrides.vision == false { result.capabilities.vision = false }
    if overrides.reasoning == false { result.capabilities.reasoning = nil }
    if let template = defaults.chatTemplate {
      let traits = TemplateTraits(template: template)
      result.capabilities.reasoning = traits.reasoning
      if overrides.trainedForToolUse == nil { result.capabilities.trainedForToolUse = traits.handlesTools }
    }
    if let reasoning = CustomField.reasoning(of: defaults.customFields) { result.capabilities.reasoning = reasoning }
    return result
  }
}
