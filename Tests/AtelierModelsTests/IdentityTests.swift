import AtelierCore
import Testing

@testable import AtelierModels

struct IdentityTests {
  @Test(arguments: [
    ("SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct", "Q4_1"),
    ("gemma-3-4b-it-q4_0.gguf", "gemma-3-4b-it", "Q4_0"), ("Qwen3-4B-UD-Q4_K_XL.gguf", "Qwen3-4B", "UD-Q4_K_XL"),
    ("model.i1-IQ3_XXS.GGUF", "model", "IQ3_XXS"), ("all-MiniLM-L6-v2-f16.gguf", "all-MiniLM-L6-v2", "F16"),
    ("Q4_K_M.gguf", "", "Q4_K_M"), ("tiny.gguf", "tiny", nil), ("Tiny-GGUF.gguf", "Tiny", nil),
    ("big-Q8_0-00002-of-00003.gguf", "big", "Q8_0"), ("gpt-oss-20b-MXFP4.gguf", "gpt-oss-20b", "MXFP4"),
    ("llama-3.2-1b-bf16-v2.gguf", "llama-3.2-1b-v2", "BF16"), ("Qwen2.5-Q.gguf", "Qwen2.5-Q", nil),
  ])
  func splitsFileNames(file: String, base: String, quantization: String?) throws {
    let name = try #require(ModelFileName(file))
    #expect(name.base == base)
    #expect(name.quantization == quantization)
  }

  @Test func recognisesShardsAndProjectors() throws {
    #expect(try #require(ModelFileName("a-00002-of-00010.gguf")).shard == .init(number: 2, count: 10))
    for name in ["a-00011-of-00010.gguf", "a-00000-of-00010.gguf", "a-0001-of-0002.gguf", "a-+0001-of-00002.gguf"] {
      #expect(try #require(ModelFileName(name)).shard == nil)
    }
    #expect(try #require(ModelFileName("mmproj-model-f16.gguf")).isProjector)
    #expect(ModelFileName("model.gguf.part") == nil)
    #expect(ModelFileName(".gguf") == nil)
    #expect(ModelFileName.key(from: "My Model@1:b") == "my-model-1-b")
  }

  @Test(arguments: [
    ("Q4_K_M", 4), ("IQ3_XXS", 3), ("Q8_0", 8), ("Q2_K", 2), ("BF16", 16), ("F32", 32), ("UD-Q5_K_XL", 5), ("TQ1_0", 1),
    ("MXFP4", 4),
  ])
  func givesCoarseBits(name: String, bits: Double) { #expect(QuantizationName.coarseBits(of: name) == bits) }

  @Test func prefersByContract() {
    let names = ["F32", "IQ3_M", "Q8_0", "Q4_K_M", "Q4_1", "MXFP4", "BF16", "Q3_K_S"]
    let sorted = names.sorted { QuantizationName.preference(of: $0) < QuantizationName.preference(of: $1) }
    #expect(sorted == ["Q4_K_M", "Q4_1", "Q8_0", "Q3_K_S", "IQ3_M", "BF16", "F32", "MXFP4"])
  }

  @Test(arguments: [
    (134_515_008, "135M"), (1_700_000_000, "1.7B"), (8_030_261_248, "8B"), (70_553_706_496, "71B"), (999_900_000, "1B"),
    (22_700_000, "23M"), (512, "512"), (Int64.max, "9223372T"),
  ])
  func roundsParameterCounts(count: Int64, text: String) { #expect(ParameterText.rounded(count) == text) }

  @Test func refusesImplausibleSizeLabels() {
    #expect(ParameterText.text(label: "26B-A4B", total: 1, experts: 0, geometry: nil) == "26B-A4B")
    for label in ["", "big", "1B\u{0}", String(repeating: "1", count: 25)] {
      #expect(ParameterText.text(label: label, total: 1_000_000, experts: 0, geometry: nil) == "1M")
    }
    #expect(ParameterText.text(label: nil, total: 0, experts: 0, geometry: nil) == nil)
  }

  @Test func readsTemplates() {
    func traits(_ template: String) -> TemplateTraits { TemplateTraits(template: template) }
    #expect(traits("{% if tools %}<tools>{% endif %}").handlesTools)
    #expect(!traits("{# tools #}<tools>{{ 'tools' }}{{ message.tools }}{{ tools_x }}").handlesTools)
    #expect(traits("{% if enable_thinking is defined %}").reasoning?.allowedOptions == [.off, .on])
    #expect(traits("{{ reasoning_effort }}").reasoning?.defaultOption == .medium)
    #expect(traits("{% if add_generation_prompt %}<a><think>\n{% endif %}").reasoning?.allowedOptions == [.on])
    #expect(traits("{% if add_generation_prompt %}<think></think>{% endif %}").reasoning == nil)
    for broken in ["{{", "{%", "{#", "{{ 'a", "{{ 'a\\", "{", "{{ a }", ""] { #expect(!traits(broken).handlesTools) }
  }
}
