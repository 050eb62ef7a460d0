import AtelierAPI
import AtelierCore
import Testing

struct LMStudioV0ModelsTests {
  private func instance(
    _ id: String, _ state: InstanceDescription.State = .idle
  ) -> InstanceDescription {
    InstanceDescription(
      id: id, modelKey: SampleModels.llm.key, kind: .llm, configuration: LoadConfiguration(contextLength: 4096),
      state: state)
  }

  private func models(_ instances: [InstanceDescription], includesUnloaded: Bool = true) -> LMStudioV0Models {
    LMStudioV0Models(
      models: [SampleModels.llm, SampleModels.embedding], instances: instances, includesUnloaded: includesUnloaded)
  }

  private func ids(_ models: LMStudioV0Models) -> [String] {
    models.list()["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
  }

  @Test func anEntryHasTheDocumentedMembers() throws {
    #expect(
      try models([instance("smollm2-135m-instruct")]).model("smollm2-135m-instruct").serialized()
        == #"{"id":"smollm2-135m-instruct","object":"model","type":"llm","publisher":"HuggingFaceTB","arch":"llama","#
        + #""compatibility_type":"gguf","quantization":"Q4_1","state":"loaded","max_context_length":8192,"#
        + #""loaded_context_length":4096,"capabilities":[]}"#)
    let embedding = try models([]).model("pub/text-embedding-nomic")
    #expect(embedding["type"] == "embeddings" && embedding["state"] == "not-loaded")
    #expect(embedding["quantization"] == "" && embedding["loaded_context_length"] == nil)
  }

  @Test func capabilitiesAreWords() {
    var model = SampleModels.llm
    model.capabilities = ModelCapabilities(vision: true, trainedForToolUse: true)
    let entry = LMStudioV0Models(models: [model], instances: [], includesUnloaded: true).list()["data"]?.arrayValue?[0]
    #expect(entry?["type"] == "vlm" && entry?["capabilities"] == ["tool_use", "vision"])
  }

  @Test func everyInstanceIsAnEntryAndEveryKeyWithoutOne() throws {
    let two = models([instance("smollm2-135m-instruct"), instance("smollm2-135m-instruct:2", .loading)])
    #expect(ids(two) == ["smollm2-135m-instruct", "smollm2-135m-instruct:2", "pub/text-embedding-nomic"])
    let loading = try two.model("smollm2-135m-instruct:2")
    #expect(loading["state"] == "loading" && loading["loaded_context_length"] == nil)
    #expect(ids(models([instance("mine")], includesUnloaded: false)) == ["mine"])
    #expect(ids(models([instance("mine", .unloading)])) == ["smollm2-135m-instruct", "pub/text-embedding-nomic"])
  }

  @Test func modelsAreFoundByInstanceByKeyAndByTheirLastPart() throws {
    #expect(try models([instance("mine")]).model("smollm2-135m-instruct")["id"] == "mine")
    #expect(try models([]).model("TEXT-embedding-nomic")["id"] == "pub/text-embedding-nomic")
    expectRefusal(.modelNotFound, "model") { () throws(AtelierError) in try models([]).model("other") }
  }
}
