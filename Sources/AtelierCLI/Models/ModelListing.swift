import AtelierCore

/// The server's model list in the words of `lms ls --json` and `lms ps --json` (native.md 17.1), as far as the REST API
/// tells.
struct ModelListing {
  /// The `models` of `GET /api/v1/models`.
  let models: [JSONValue]

  init(_ answer: JSONValue) { models = answer["models"]?.arrayValue ?? [] }

  func entries(kind: String? = nil, key: String? = nil) -> [JSONObject] {
    models.filter { kind == nil || $0["type"]?.stringValue == kind }
      .filter { key == nil || $0["key"]?.stringValue == key }
      .map(Self.entry)
  }

  /// One entry per instance of `GET /atelier/instances`, with what the list says of its model.
  func instances(_ answer: JSONValue) -> [JSONObject] {
    Self.states(answer).map { state in
      let model = models.first { $0["key"] == state["modelKey"] }
      return JSONObject(Array(model.map(Self.entry) ?? [:]) + Array(state))
    }
  }

  /// The instances of `GET /atelier/instances`.
  static func states(_ answer: JSONValue) -> [JSONObject] {
    (answer["instances"]?.arrayValue ?? []).compactMap(\.objectValue)
  }

  private static func entry(_ model: JSONValue) -> JSONObject {
    var entry: JSONObject = [
      "type": model["type"] ?? .null, "modelKey": model["key"] ?? .null, "format": model["format"] ?? .null,
      "displayName": model["display_name"] ?? .null, "publisher": model["publisher"] ?? .null,
      "sizeBytes": model["size_bytes"] ?? .null, "deviceIdentifier": .null,
    ]
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
