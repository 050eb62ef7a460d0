import AtelierCore

/// `POST /api/v1/models/load` (native.md 8).
package enum LMStudioV1Load {
  package struct Command: Sendable, Hashable {
    package var request: ModelLoadRequest
    /// The answer shows the configuration used.
    package var wantsEcho: Bool

    package init(request: ModelLoadRequest, wantsEcho: Bool) {
      self.request = request
      self.wantsEcho = wantsEcho
    }
  }

  /// Beside the documented keys these are ours: `parallel`, `ttl` and `identifier` (native.md 8.1), `kv_cache_type`,
  /// `gpu` (0…1, "off" or "max"), `pinned` (never unloaded to make room) and `force` (load whatever the memory says).
  private static let keys: Set<String> = [
    "model", "context_length", "eval_batch_size", "flash_attention", "num_experts", "offload_kv_cache_to_gpu",
    "echo_load_config", "parallel", "ttl", "identifier", "kv_cache_type", "gpu", "pinned", "force",
  ]

  package static func decode(_ body: JSONValue) throws(AtelierError) -> Command {
    let problems = RequestProblems()
    let fields = try FieldReader(body: body, problems: problems)
    fields.refuseKeys(notIn: keys)
    let model = fields.required("model", fields.name)
    let contextLength = fields.integer("context_length", from: 1)
    let evalBatchSize = fields.integer("eval_batch_size", from: 1)
    let flashAttention = fields.boolean("flash_attention")
    let numExperts = fields.integer("num_experts", from: 1)
    let offload = fields.boolean("offload_kv_cache_to_gpu")
    let wantsEcho = fields.boolean("echo_load_config")
    let parallel = fields.integer("parallel", from: 1, to: 64)
    let timeToLive = LMStudioV1ChatRequest.timeToLive(fields)
    let identifier = identifier(fields)
    let cacheType = fields.word("kv_cache_type", among: LoadConfiguration.cacheTypes)
    let gpu = gpu(fields)
    let isPinned = fields.boolean("pinned") ?? false
    if isPinned, case .seconds = timeToLive {
      problems.add(.invalidValue, "A pinned instance has no 'ttl'", param: "ttl")
    }
    let isForced = fields.boolean("force") ?? false
    try problems.check()
    let request = ModelLoadRequest(
      model: try problems.unwrap(model), identifier: identifier, contextLength: contextLength,
      evalBatchSize: evalBatchSize, parallel: parallel, flashAttention: flashAttention, numExperts: numExperts,
      offloadKVCacheToGPU: offload, timeToLive: timeToLive, kvCacheType: cacheType, gpu: gpu, isPinned: isPinned,
      isForced: isForced)
    return Command(request: request, wantsEcho: wantsEcho ?? false)
  }

  /// As `lms load --gpu` takes it.
  private static func gpu(_ fields: FieldReader) -> Double? {
    switch fields["gpu"] {
    case .string("off"): return 0
    case .string("max"): return 1
    case .string: return fields.wrongValue("gpu", "must be a number from 0 to 1, 'off' or 'max'")
    default: return fields.number("gpu", in: 0...1)
    }
  }

  /// The rules of LM Studio's SDK: 1 to 1,024 characters, none of them a control character, not `__proto__`.
  private static func identifier(_ fields: FieldReader) -> String? {
    guard let text = fields.string("identifier") else { return nil }
    let isPlain = !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    guard (1...1024).contains(text.count), isPlain, text != "__proto__" else {
      return fields.wrongValue("identifier", "must be 1 to 1024 characters without control characters")
    }
    return text
  }

  package static func body(of instance: InstanceDescription, wantsEcho: Bool) -> JSONValue {
    var body: JSONObject = [
      "type": .string(instance.kind.rawValue), "instance_id": .string(instance.id),
      "load_time_seconds": .measure(instance.loadSeconds ?? 0), "status": "loaded",
    ]
    if wantsEcho { body["load_config"] = configuration(of: instance) }
    return .object(body)
  }

  private static func configuration(of instance: InstanceDescription) -> JSONValue {
    let configuration = instance.configuration
    var object: JSONObject = ["context_length": .count(configuration.contextLength)]
    guard instance.kind == .llm else { return .object(object) }
    object["eval_batch_size"] = .count(configuration.evalBatchSize)
    object["flash_attention"] = .bool(configuration.flashAttention)
    if let experts = configuration.numExperts { object["num_experts"] = .count(experts) }
    object["offload_kv_cache_to_gpu"] = .bool(configuration.offloadKVCacheToGPU)
    object["parallel"] = .count(configuration.parallel)
    return .object(object)
  }
}
