import AtelierCore

/// `GET /api/v1/models` (native.md 7): every model on disk with its loaded instances, members in the documented order.
package enum LMStudioV1Models {
  /// Models come in the order given. Instances still loading, or going away, are not shown.
  package static func body(models: [ModelDescription], instances: [InstanceDescription]) -> JSONValue {
    let loaded = Dictionary(grouping: instances.filter(\.isReady), by: \.modelKey)
    return ["models": .array(models.map { entry($0, instances: loaded[$0.key] ?? []) })]
  }

  private static func entry(_ model: ModelDescription, instances: [InstanceDescription]) -> JSONValue {
    let isLLM = model.kind == .llm
    var entry: JSONObject = [
      "type": .string(model.kind.rawValue), "publisher": .string(model.publisher), "key": .string(model.key),
      "display_name": .string(model.displayName),
    ]
    if isLLM { entry["architecture"] = .text(model.architecture) }
    entry["quantization"] = quantization(model.selected.quantization)
    entry["size_bytes"] = .integer(model.selected.sizeBytes)
    entry["params_string"] = .text(model.parameters)
    entry["loaded_instances"] = .array(
      instances.map { ["id": .string($0.id), "config": configuration(of: $0, isMoE: model.hasExperts)] })
    entry["max_context_length"] = .count(model.maxContextLength)
    entry["format"] = "gguf"
    if isLLM {
      entry["capabilities"] = capabilities(model.capabilities)
      entry["description"] = .text(model.description)
    }
    if model.variants.count > 1 {
      entry["variants"] = .array(model.variants.map { .string($0.name) })
      entry["selected_variant"] = .string(model.selected.name)
    }
    return .object(entry)
  }

  private static func quantization(_ quantization: Quantization?) -> JSONValue {
    guard let quantization else { return .null }
    return [
      "name": .string(quantization.name), "bits_per_weight": quantization.bitsPerWeight.map(JSONValue.plain) ?? .null,
    ]
  }

  private static func configuration(of instance: InstanceDescription, isMoE: Bool) -> JSONValue {
    let configuration = instance.configuration
    var object: JSONObject = ["context_length": .count(configuration.contextLength)]
    guard instance.kind == .llm else { return .object(object) }
    object["eval_batch_size"] = .count(configuration.evalBatchSize)
    object["parallel"] = .count(configuration.parallel)
    object["flash_attention"] = .bool(configuration.flashAttention)
    if isMoE, let experts = configuration.numExperts { object["num_experts"] = .count(experts) }
    object["offload_kv_cache_to_gpu"] = .bool(configuration.offloadKVCacheToGPU)
    return .object(object)
  }

  private static func capabilities(_ capabilities: ModelCapabilities) -> JSONValue {
    var object: JSONObject = [
      "vision": .bool(capabilities.vision), "trained_for_tool_use": .bool(capabilities.trainedForToolUse),
    ]
    if let reasoning = capabilities.reasoning {
      object["reasoning"] = [
        "allowed_options": .array(reasoning.allowedOptions.map { .string($0.rawValue) }),
        "default": .string(reasoning.defaultOption.rawValue),
      ]
    }
    return .object(object)
  }
}

extension InstanceDescription {
  /// Loaded and staying.
  var isReady: Bool { state != .loading && state != .unloading }
}
