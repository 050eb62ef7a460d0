import AtelierAPI
import AtelierCore
import Testing

struct LMStudioV1ModelsTests {
  @Test func entryIsTheDocumentedOne() throws {
    let instance = InstanceDescription(
      id: "smollm2-135m-instruct", modelKey: "smollm2-135m-instruct", kind: .llm,
      configuration: LoadConfiguration(contextLength: 4096, numExperts: 8, offloadKVCacheToGPU: false), state: .idle)
    let body = LMStudioV1Models.body(models: [SampleModels.llm], instances: [instance])
    #expect(
      body.serialized() == """
        {"models":[{"type":"llm","publisher":"HuggingFaceTB","key":"smollm2-135m-instruct",\
        "display_name":"SmolLM2 135M Instruct","architecture":"llama",\
        "quantization":{"name":"Q4_1","bits_per_weight":4},"size_bytes":98562304,"params_string":"135M",\
        "loaded_instances":[{"id":"smollm2-135m-instruct","config":{"context_length":4096,"eval_batch_size":512,\
        "parallel":4,"flash_attention":true,"offload_kv_cache_to_gpu":false}}],"max_context_length":8192,\
        "format":"gguf","capabilities":{"vision":false,"trained_for_tool_use":false},"description":null}]}
        """)
  }

  @Test func embeddingEntryLacksWhatOnlyLanguageModelsHave() throws {
    let instance = InstanceDescription(
      id: "e", modelKey: SampleModels.embedding.key, kind: .embedding,
      configuration: LoadConfiguration(contextLength: 512), state: .computingEmbedding)
    let body = LMStudioV1Models.body(models: [SampleModels.embedding], instances: [instance])
    let entry = try #require(body["models"]?.arrayValue?.first?.objectValue)
    for key in ["architecture", "capabilities", "description"] { #expect(entry[key] == nil) }
    #expect(entry["loaded_instances"] == [["id": "e", "config": ["context_length": 512]]])
    #expect(entry["quantization"] == .null)
    #expect(entry["variants"] == ["pub/text-embedding-nomic@f16", "pub/text-embedding-nomic@q8_0"])
    #expect(entry["selected_variant"] == "pub/text-embedding-nomic@q8_0")
  }

  @Test func onlyReadyInstancesAreListedAndExpertsOnlyWhereThereAreSome() throws {
    var model = SampleModels.llm
    model.hasExperts = true
    model.capabilities.reasoning = ReasoningCapability(allowedOptions: [.off, .on], defaultOption: .on)
    let states: [InstanceDescription.State] = [.loading, .processingPrompt, .unloading, .generating]
    let instances = states.map {
      InstanceDescription(
        id: $0.rawValue, modelKey: model.key, kind: .llm,
        configuration: LoadConfiguration(contextLength: 1, numExperts: 2), state: $0)
    }
    let body = LMStudioV1Models.body(models: [model], instances: instances)
    let entry = try #require(body["models"]?.arrayValue?.first)
    let listed = try #require(entry["loaded_instances"]?.arrayValue)
    #expect(listed.map { $0["id"] } == ["processingPrompt", "generating"])
    #expect(listed[0]["config"]?["num_experts"] == 2)
    #expect(entry["capabilities"]?["reasoning"] == ["allowed_options": ["off", "on"], "default": "on"])
  }

  // MARK: Load and unload

  @Test func loadReadsEveryField() throws {
    let command = try LMStudioV1Load.decode([
      "model": "m@q4_1", "context_length": 2048, "eval_batch_size": 256, "flash_attention": false, "num_experts": 4,
      "offload_kv_cache_to_gpu": false, "echo_load_config": true, "parallel": 64, "ttl": 5, "identifier": "mine",
    ])
    #expect(command.wantsEcho)
    #expect(
      command.request
        == ModelLoadRequest(
          model: "m@q4_1", identifier: "mine", contextLength: 2048, evalBatchSize: 256, parallel: 64,
          flashAttention: false, numExperts: 4, offloadKVCacheToGPU: false, timeToLive: .seconds(5)))
    let ours = try LMStudioV1Load.decode([
      "model": "m", "kv_cache_type": "q8_0", "gpu": "off", "pinned": true, "force": true,
    ])
    #expect(
      ours.request == ModelLoadRequest(model: "m", kvCacheType: "q8_0", gpu: 0, isPinned: true, isForced: true))
    #expect(try LMStudioV1Load.decode(["model": "m", "gpu": "max"]).request.gpu == 1)
    #expect(try LMStudioV1Load.decode(["model": "m", "gpu": 0.5]).request.gpu == 0.5)
    #expect(
      try LMStudioV1Load.decode(["model": "m"])
        == LMStudioV1Load.Command(request: ModelLoadRequest(model: "m"), wantsEcho: false))
  }

  static let wrongLoads: [(JSONValue, AtelierError.Code, String?)] = [
    (["model": "m", "stream": true], .unrecognizedKeys, "stream"),
    (["model_key": "m"], .unrecognizedKeys, "model_key"), ([:], .missingRequiredParameter, "model"),
    (["model": "m", "context_length": 0], .invalidValue, "context_length"),
    (["model": "m", "context_length": "4k"], .invalidType, "context_length"),
    (["model": "m", "parallel": 65], .invalidValue, "parallel"), (["model": "m", "ttl": 0], .invalidValue, "ttl"),
    (["model": "m", "identifier": "__proto__"], .invalidValue, "identifier"),
    (["model": "m", "identifier": "a\u{7}"], .invalidValue, "identifier"),
    (["model": "m", "identifier": ""], .invalidValue, "identifier"),
    (["model": "m", "flash_attention": 1], .invalidType, "flash_attention"),
    (["model": "m", "kv_cache_type": "q9"], .invalidValue, "kv_cache_type"),
    (["model": "m", "gpu": "some"], .invalidValue, "gpu"), (["model": "m", "gpu": 2], .invalidValue, "gpu"),
    (["model": "m", "gpu": true], .invalidType, "gpu"),
    (["model": "m", "pinned": true, "ttl": 5], .invalidValue, "ttl"),
  ]

  @Test(arguments: wrongLoads) func wrongLoadsAreRefused(body: JSONValue, code: AtelierError.Code, param: String?) {
    expectRefusal(code, param) { () throws(AtelierError) in try LMStudioV1Load.decode(body) }
  }

  @Test func loadAnswersAndEchoes() {
    let instance = InstanceDescription(
      id: "smollm2-135m-instruct", modelKey: "smollm2-135m-instruct", kind: .llm,
      configuration: LoadConfiguration(contextLength: 2048), state: .idle, loadSeconds: 0.4123)
    #expect(
      LMStudioV1Load.body(of: instance, wantsEcho: true).serialized() == """
        {"type":"llm","instance_id":"smollm2-135m-instruct","load_time_seconds":0.412,"status":"loaded",\
        "load_config":{"context_length":2048,"eval_batch_size":512,"flash_attention":true,\
        "offload_kv_cache_to_gpu":true,"parallel":4}}
        """)
    #expect(LMStudioV1Load.body(of: instance, wantsEcho: false)["load_config"] == nil)
    var embedding = instance
    embedding.kind = .embedding
    #expect(LMStudioV1Load.body(of: embedding, wantsEcho: true)["load_config"] == ["context_length": 2048])
  }

  @Test func unloadTakesAnInstanceAndNothingElse() throws {
    #expect(try LMStudioV1Unload.decode(["instance_id": "m:2"]) == "m:2")
    #expect(LMStudioV1Unload.body(instanceID: "m:2").serialized() == #"{"instance_id":"m:2"}"#)
    expectRefusal(.unrecognizedKeys, "model") { () throws(AtelierError) in try LMStudioV1Unload.decode(["model": "m"]) }
    expectRefusal(.missingRequiredParameter, "instance_id") { () throws(AtelierError) in
      try LMStudioV1Unload.decode([:])
    }
  }
}
