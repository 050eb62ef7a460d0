import AtelierCore

/// `GET /api/v0/models` and `GET /api/v0/models/{id}` (native.md 12.2): one entry per loaded instance, and one for each
/// key without any. Strict clients fail on other words than the documented ones.
package struct LMStudioV0Models: Sendable {
  private struct Entry {
    var id: String
    var model: ModelDescription
    var instance: InstanceDescription?
  }

  private let entries: [Entry]

  /// `includesUnloaded`: models load on demand, so those on disk are usable and listed too. Models come in the order
  /// given.
  package init(models: [ModelDescription], instances: [InstanceDescription], includesUnloaded: Bool) {
    let present = Dictionary(grouping: instances.filter { $0.state != .unloading }, by: \.modelKey)
    entries = models.flatMap { model in
      let instances = present[model.key] ?? []
      if instances.isEmpty { return includesUnloaded ? [Entry(id: model.key, model: model, instance: nil)] : [] }
      return instances.map { Entry(id: $0.id, model: model, instance: $0) }
    }
  }

  package func list() -> JSONValue { ["object": "list", "data": .array(entries.map(Self.value))] }

  /// Throws `modelNotFound`.
  package func model(_ id: String) throws(AtelierError) -> JSONValue {
    let place =
      ModelLookup.place(of: id, in: entries.map(\.id)) ?? ModelLookup.place(of: id, in: entries.map(\.model.key))
    guard let place else { throw ModelLookup.notFound(id, list: "GET /api/v0/models") }
    return Self.value(entries[place])
  }

  private static func value(_ entry: Entry) -> JSONValue {
    let model = entry.model
    var object: JSONObject = [
      "id": .string(entry.id), "object": "model", "type": .string(type(of: model)),
      "publisher": .string(model.publisher), "arch": .string(model.architecture ?? ""), "compatibility_type": "gguf",
      "quantization": .string(entry.instance?.quantization ?? model.selected.quantization?.name ?? ""),
      "state": .string(state(of: entry.instance)),
      "max_context_length": .count(model.maxContextLength),
    ]
    if let instance = entry.instance, instance.isReady {
      object["loaded_context_length"] = .count(instance.configuration.contextLength)
    }
    object["capabilities"] = capabilities(of: model)
    return .object(object)
  }

  private static func type(of model: ModelDescription) -> String {
    switch model.kind {
    case .llm: model.capabilities.vision ? "vlm" : "llm"
    case .embedding: "embeddings"
    }
  }

  private static func state(of instance: InstanceDescription?) -> String {
    guard let instance else { return "not-loaded" }
    return instance.isReady ? "loaded" : "loading"
  }

  private static func capabilities(of model: ModelDescription) -> JSONValue {
    var words: [JSONValue] = []
    if model.capabilities.trainedForToolUse { words.append("tool_use") }
    if model.capabilities.vision { words.append("vision") }
    return .array(words)
  }
}
