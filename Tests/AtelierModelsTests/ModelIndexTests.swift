import AtelierCore
import AtelierModels
import Testing

struct ModelIndexTests {
  private static func model(_ key: String, publisher: String, repository: String, quants: [String]) -> ModelDescription
  {
    ModelDescription(
      key: key, kind: .llm, publisher: publisher, repository: repository, displayName: key, architecture: "llama",
      parameters: nil, maxContextLength: 1, capabilities: ModelCapabilities(),
      variants: quants.map {
        ModelVariant(
          name: "\(key)@\($0)", quantization: nil, files: ["/x"], projector: nil, sizeBytes: 1, modified: 0,
          relativePath: "\(publisher)/\(repository)/\(key.split(separator: "/").last ?? "").\($0).gguf")
      }, selectedVariant: quants.count - 1)
  }

  private let index = ModelIndex(models: [
    model("smollm2-135m-instruct", publisher: "HuggingFaceTB", repository: "SmolLM2-GGUF", quants: ["q4_1", "q8_0"]),
    model("alice/same", publisher: "alice", repository: "one", quants: ["q4_0"]),
    model("bob/same", publisher: "bob", repository: "one", quants: ["q4_0"]),
    model("gemma-3-270m", publisher: "google", repository: "both", quants: ["q4_0"]),
    model("gemma-3-1b", publisher: "google", repository: "both", quants: ["q4_0"]),
  ])

  @Test(arguments: [
    ("smollm2-135m-instruct", "smollm2-135m-instruct", 1), ("SmolLM2-135M-Instruct", "smollm2-135m-instruct", 1),
    ("smollm2-135m-instruct@q4_1", "smollm2-135m-instruct", 0),
    ("SMOLLM2-135m-instruct@Q4_1", "smollm2-135m-instruct", 0),
    ("HuggingFaceTB/SmolLM2-GGUF", "smollm2-135m-instruct", 1),
    ("huggingfacetb/smollm2-gguf", "smollm2-135m-instruct", 1),
    ("HuggingFaceTB/SmolLM2-GGUF/smollm2-135m-instruct.q4_1.gguf", "smollm2-135m-instruct", 0),
    ("some-org/smollm2-135m-instruct", "smollm2-135m-instruct", 1),
    ("some-org/smollm2-135m-instruct@q4_1", "smollm2-135m-instruct", 0), ("bob/same", "bob/same", 0),
    ("Alice/Same@q4_0", "alice/same", 0), ("gemma-3-1b", "gemma-3-1b", 0),
  ])
  func resolves(name: String, key: String, variant: Int) throws {
    let match = try #require(index.resolve(name))
    #expect(match.model.key == key)
    #expect(match.variant == variant)
  }

  @Test(arguments: [
    "", "/", "@", "same", "x/same", "google/both", "smollm2", "smollm2-135m-instruct@q2_k", "smollm2-135m-instruct:2",
    String(repeating: "a", count: 2000),
  ])
  func knowsNot(name: String) { #expect(index.resolve(name) == nil) }

  @Test func suggests() {
    #expect(index.suggestions(for: "smolm2-135m-instrct") == ["smollm2-135m-instruct"])
    #expect(index.suggestions(for: "GEMMA") == ["gemma-3-1b", "gemma-3-270m"])
    #expect(index.suggestions(for: "other/same") == ["alice/same", "bob/same"])
    #expect(index.suggestions(for: "qqqqqqqq").isEmpty)
    #expect(index.suggestions(for: "").isEmpty)
    #expect(ModelIndex(models: []).suggestions(for: "a").isEmpty)
  }
}
