import AtelierAPI
import AtelierCore
import Testing

struct OpenAIModelsTests {
  private func instance(_ id: String, state: InstanceDescription.State = .idle) -> InstanceDescription {
    InstanceDescription(
      id: id, modelKey: SampleModels.llm.key, kind: .llm, configuration: LoadConfiguration(contextLength: 1),
      state: state)
  }

  private func models(
    _ instances: [InstanceDescription], unloaded: Bool = true, anthropic: Bool = false
  ) -> OpenAIModels {
    OpenAIModels(
      models: [SampleModels.llm, SampleModels.embedding], instances: instances, includesUnloaded: unloaded,
      hasAnthropicFields: anthropic)
  }

  private func ids(_ models: OpenAIModels) -> [String?] {
    models.list()["data"]?.arrayValue?.map { $0["id"]?.stringValue } ?? []
  }

  @Test func entryIsTheDocumentedOne() {
    let models = OpenAIModels(
      models: [SampleModels.llm], instances: [], includesUnloaded: true, hasAnthropicFields: false)
    #expect(
      models.list().serialized() == """
        {"object":"list","data":[{"id":"smollm2-135m-instruct","object":"model","created":1763800000,\
        "owned_by":"organization_owner"}]}
        """)
  }

  @Test func loadedComeFirstAndLoadingIsNotLoaded() {
    let key = SampleModels.llm.key
    #expect(ids(models([])) == ["pub/text-embedding-nomic", key])
    #expect(ids(models([instance(key), instance("\(key):2")])) == [key, "\(key):2", "pub/text-embedding-nomic"])
    #expect(ids(models([instance("a"), instance("b", state: .loading)], unloaded: false)) == ["a"])
    #expect(ids(models([], unloaded: false)) == [])
  }

  @Test func oneObjectServesBothVendors() {
    #expect(
      models([instance("mine")], unloaded: false, anthropic: true).list().serialized() == """
        {"object":"list","data":[{"id":"mine","object":"model","created":1763800000,"owned_by":"organization_owner",\
        "type":"model","display_name":"SmolLM2 135M Instruct","created_at":"2025-11-22T08:26:40Z"}],\
        "has_more":false,"first_id":"mine","last_id":"mine"}
        """)
    let empty = models([], unloaded: false, anthropic: true).list()
    #expect(empty["first_id"] == .null && empty["last_id"] == .null)
  }

  @Test(arguments: ["pub/text-embedding-nomic", "PUB/Text-Embedding-Nomic", "text-embedding-nomic"])
  func oneModelIsFoundByItsNames(name: String) throws {
    #expect(try models([]).model(name)["id"] == "pub/text-embedding-nomic")
  }

  @Test func unknownModelsAreNotFound() {
    expectRefusal(.modelNotFound, "model") { () throws(AtelierError) in try models([]).model("nomic") }
    expectRefusal(.modelNotFound, "model") { () throws(AtelierError) in
      try models([], unloaded: false).model(SampleModels.llm.key)
    }
  }
}
