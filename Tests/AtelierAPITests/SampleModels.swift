import AtelierCore

enum SampleModels {
  static let llm = ModelDescription(
    key: "smollm2-135m-instruct", kind: .llm, publisher: "HuggingFaceTB", repository: "SmolLM2-135M-Instruct-GGUF",
    displayName: "SmolLM2 135M Instruct", architecture: "llama", parameters: "135M", maxContextLength: 8192,
    capabilities: ModelCapabilities(),
    variants: [
      variant("smollm2-135m-instruct@q4_1", Quantization(name: "Q4_1", bitsPerWeight: 4), 98_562_304, 1_763_800_000)
    ])

  static let embedding = ModelDescription(
    key: "pub/text-embedding-nomic", kind: .embedding, publisher: "pub", repository: "nomic", displayName: "Nomic",
    architecture: "nomic-bert", parameters: nil, maxContextLength: 2048, capabilities: ModelCapabilities(),
    variants: [
      variant("pub/text-embedding-nomic@f16", nil, 10, 5), variant("pub/text-embedding-nomic@q8_0", nil, 8, 7),
    ], selectedVariant: 1)

  private static func variant(
    _ name: String, _ quantization: Quantization?, _ size: Int64, _ modified: Int64
  ) -> ModelVariant {
    ModelVariant(
      name: name, quantization: quantization, files: ["/x"], projector: nil, sizeBytes: size, modified: modified,
      relativePath: "p/r/f.gguf")
  }
}
