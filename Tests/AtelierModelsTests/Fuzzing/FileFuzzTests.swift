import AtelierCore
import AtelierTesting
import Testing

@testable import AtelierModels

/// Files of strangers that the API process reads itself.
struct FileFuzzTests {
  @Test func modelHeaders() throws {
    try Fuzzer(corpus: "GGUF", words: ["GGUF", "general.architecture", "llama", "tokenizer.chat_template"]).run {
      bytes, random in
      let size = Bool.random(using: &random) ? UInt64(bytes.count) : UInt64.random(in: 0...(1 << 40), using: &random)
      guard let header = try? GGUFReader.header(of: bytes, fileSize: size) else { return }
      let estimate = MemoryEstimate.estimate(
        weights: .max / 4, geometry: header.geometry, configuration: .init(contextLength: .max, flashAttention: false))
      #expect(estimate.total > 0)
    }
  }

  @Test func virtualModels() throws {
    try Fuzzer(
      corpus: "YAML", words: ["- ", ": ", "\n", "  ", "|", ">", "\"", "'", "[", "]", "{", "}", "#", "&", "*", "!!"]
    )
    .run { bytes, _ in
      guard let value = try? YAMLReader.value(of: String(decoding: bytes, as: UTF8.self)) else { return }
      _ = try? VirtualModel(value)
    }
  }
}
