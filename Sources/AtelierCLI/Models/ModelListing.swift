import AtelierCore

/// The server's model list in the words of `lms ls --json` and `lms ps --json` (native.md 17.1).
struct ModelListing: Sendable {
  /// The `models` of `GET /api/v1/models`.
  private let models: [JSONValue]
  /// Those of `GET /atelier/models` by key: what the documented list leaves out.
  private let files: [String: JSONValue]

  init(_ answer: JSONValue, files: JSONValue? = nil) {
    models = answer["models"]?.arrayValue ?? []
    let entries = (files?["models"]?.arrayValue ?? []).compactMap { entry in
      entry["modelKey"]?.stringValue.map { ($0, entry) }
    }
    self.files = Dictionary(entries, uniquingKeysWith: { first, _ in first })
  }

  static func fetch(from client: ServerClient) async throws -> ModelListing {
    ModelListing(try await client.get("/api/v1/models"), files: try await client.getIfKnown("/atelier/models"))
  }

  /// One per model. `key` also names a variant, or differs in case.
  func entries(kind: String? = nil, key: String? = nil) -> [JSONObject] {
    models.filter { kind == nil || $0["type"]?.stringValue == kind }
      .filter { model in key.map { Self.names(model).contains($0.lowercased()) } ?? true }
      .map(entry)
  }

  /// The variants of a model, the selected one marked with `selected`.
  func variants(of key: String) -> [JSONValue] { files[key]?["variants"]?.arrayValue ?? [] }

  /// Whether the model has a loaded instance.
  func isLoaded(_ key: String) -> Bool {
    let model = models.first { $0["key"]?.stringValue == key }
    return model?["loaded_instances"]?.arrayValue?.isEmpty == false
  }

  /// One entry per instance of `GET /atelier/instances`, with what the list says of its model.
  func instances(_ answer: JSONValue) -> [JSONObject] {
    Self.states(answer).map { state in
      let model = models.first { $0["key"] == state["modelKey"] }
      let listed = model.map(entry) ?? [:]
      var instance = JSONObject(Array(listed) + Array(state))
      // The instance's own file may be another variant than the list's.
      instance["quantization"] = state["quantization"]?.stringValue.map(Self.quantization) ?? listed["quantization"]
      return instance
    }
  }

  /// Coarse bits, as the list has them: the name's first number (native.md 7.2).
  private static func quantization(_ name: String) -> JSONValue {
    let digits = name.drop { !$0.isNumber }.prefix(while: \.isNumber)
    return ["name": .string(name), "bits": Int64(digits).map(JSONValue.integer) ?? .null]
  }

  /// The instances of `GET /atelier/instances`.
  static func states(_ answer: JSONValue) -> [JSONObject] {
    (answer["instances"]?.arrayValue ?? []).compactMap(\.objectValue)
  }

  private static func names(_ model: JSONValue) -> Set<String> {
    let variants = model["variants"]?.arrayValue?.compactMap(\.stringValue) ?? []
    return Set(([model["key"]?.stringValue ?? ""] + variants).map { $0.lowercased() })
  }

  private func entry(_ model: JSONValue) -> JSONObject {
    var entry: JSONObject = [
      "type": model["type"] ?? .null, "modelKey": model["key"] ?? .null, "format": model["format"] ?? .null,
      "displayName": model["display_name"] ?? .null, "publisher": model["publisher"] ?? .null,
    ]
    let file = model["key"]?.stringValue.flatMap { files[$0] }
    entry["path"] = file?["path"]
    entry["sizeBytes"] = model["size_bytes"] ?? .null
    entry["indexedModelIdentifier"] = file?["indexedModelIdentifier"]
    entry["deviceIdentifier"] = .null
    if let text = model["params_string"]?.stringValue { entry["paramsString"] = .string(text) }
    if let text = model["architecture"]?.stringValue { entry["architecture"] = .string(text) }
    if let quantization = model["quantization"]?.objectValue {
      entry["quantization"] = [
        "name": quantization["name"] ?? .null, "bits": quantization["bits_per_weight"] ?? .null,
      ]
    }
    entry["variants"] = model["variants"]
    entry["selectedVariant"] = model["selected_variant"]
    entry["maxContextLength"] = model["max_context_length"]
    entry["vision"] = model["capabilities"]?["vision"]
    entry["trainedForToolUse"] = model["capabilities"]?["trained_for_tool_use"]
    return entry
  }
}
