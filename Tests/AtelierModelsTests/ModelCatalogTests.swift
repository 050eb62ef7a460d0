import AtelierCore
import AtelierModels
import AtelierTesting
import Foundation
import Testing

struct ModelCatalogTests {
  private let folder: ModelsFolder

  init() throws { folder = try ModelsFolder() }

  private func catalog(memory: Int64? = nil) -> ModelCatalog {
    ModelCatalog(roots: [folder.root], memoryBudget: memory)
  }

  @Test func describesAModel() async throws {
    let template = "{% if tools %}{% endif %}{{ enable_thinking }}"
    try folder.add(
      "HuggingFaceTB/SmolLM2-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf",
      .llm(name: "SmolLM2 135M\nInstruct", chatTemplate: template, sizeLabel: "135M"))
    let model = try #require(await catalog().models().first)
    #expect(model.key == "smollm2-135m-instruct")
    #expect(model.kind == .llm)
    #expect((model.publisher, model.repository) == ("HuggingFaceTB", "SmolLM2-GGUF"))
    #expect(model.displayName == "SmolLM2 135M Instruct")
    #expect((model.architecture, model.parameters, model.maxContextLength) == ("llama", "135M", 8192))
    #expect(model.capabilities.trainedForToolUse && !model.capabilities.vision)
    #expect(model.capabilities.reasoning?.allowedOptions == [.off, .on])
    let variant = model.selected
    #expect(variant.name == "smollm2-135m-instruct@q4_1")
    #expect(variant.quantization == Quantization(name: "Q4_1", bitsPerWeight: 4))
    #expect(variant.relativePath == "HuggingFaceTB/SmolLM2-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf")
    let attributes = try FileManager.default.attributesOfItem(atPath: variant.files[0])
    #expect(variant.sizeBytes == attributes[.size] as? Int64)
    #expect(abs(Double(variant.modified) - Date().timeIntervalSince1970) < 60)
  }

  @Test func sortsLanguageModelsBeforeEmbeddings() async throws {
    try folder.add("p/a/bge.F16.gguf", .llm(architecture: "bert"))
    try folder.add("p/b/zeta.Q8_0.gguf")
    try folder.add("p/c/alpha.Q8_0.gguf")
    try folder.add("p/d/pooled.gguf", .llm(architecture: "qwen3", extra: [("qwen3.pooling_type", .uint32(3))]))
    let models = await catalog().models()
    #expect(models.map(\.key) == ["alpha", "zeta", "text-embedding-bge", "text-embedding-pooled"])
    #expect(models[2].kind == .embedding)
  }

  @Test func groupsQuantizationsAndSelectsByPreferenceAndMemory() async throws {
    func sized(_ columns: UInt64) -> GGUFWriter {
      var writer = GGUFWriter.llm()
      writer.tensors = [.init("w", [columns, 1 << 20])]
      return writer
    }
    try folder.add("p/r/m.Q8_0.gguf", sized(200))
    try folder.add("p/r/m.Q4_K_M.gguf", sized(100))
    try folder.add("p/r/m.Q2_K.gguf", sized(50))
    let model = try #require(await catalog().models().first)
    #expect(model.variants.map(\.name) == ["m@q4_k_m", "m@q8_0", "m@q2_k"])
    #expect(model.selected.name == "m@q4_k_m")
    #expect(await catalog(memory: 350 << 20).models().first?.selected.name == "m@q2_k")
    #expect(await catalog(memory: 700 << 20).models().first?.selected.name == "m@q4_k_m")
    #expect(await catalog(memory: 1).models().first?.selected.name == "m@q2_k")
  }

  @Test func groupsCompleteShards() async throws {
    func shard(_ number: UInt32, _ count: UInt32) -> GGUFWriter {
      let split: [(String, GGUFWriter.Value)] = [("split.no", .uint32(number)), ("split.count", .uint32(count))]
      var writer = number == 0 ? GGUFWriter.llm(extra: split) : GGUFWriter(split)
      writer.tensors = [.init("w\(number)", [1000, 500])]
      return writer
    }
    try folder.add("p/r/big-Q8_0-00002-of-00002.gguf", shard(1, 2))
    try folder.add("p/r/big-Q8_0-00001-of-00002.gguf", shard(0, 2))
    try folder.add("p/r/half-Q8_0-00001-of-00002.gguf", shard(0, 2))
    try folder.add("p/r/renamed-Q8_0.gguf", shard(0, 2))
    try folder.add("p/r/mixed-Q8_0-00001-of-00002.gguf", shard(0, 2))
    try folder.add("p/r/mixed-Q8_0-00002-of-00002.gguf", shard(0, 2))
    let catalog = catalog()
    let models = await catalog.models()
    #expect(models.map(\.key) == ["big"])
    #expect(models[0].parameters == "1M")
    #expect(
      models[0].selected.files.map { $0.suffix(19) } == [
        "-00001-of-00002.gguf".suffix(19), "-00002-of-00002.gguf".suffix(19),
      ])
    #expect(models[0].selected.sizeBytes > 4_000_000)
    let reasons = await catalog.skipped().map(\.reason)
    #expect(reasons == [.missingShards(have: 1, of: 2), .mixedShards, .missingShards(have: 1, of: 2)])
  }

  @Test func attachesProjectors() async throws {
    let projector = GGUFWriter([("general.architecture", .string("clip")), ("clip.has_vision_encoder", .bool(true))])
    let audio = GGUFWriter([("general.architecture", .string("clip")), ("clip.has_vision_encoder", .bool(false))])
    try folder.add("p/seeing/vlm.Q4_0.gguf")
    try folder.add("p/seeing/mmproj-F32.gguf", projector)
    try folder.add("p/seeing/mmproj-F16.gguf", projector)
    try folder.add("p/hearing/alm.Q4_0.gguf")
    try folder.add("p/hearing/mmproj.gguf", audio)
    try folder.add("p/blind/llm.Q4_0.gguf")
    let models = await catalog().models()
    #expect(models.map(\.key) == ["alm", "llm", "vlm"])
    #expect(models.map(\.capabilities.vision) == [false, false, true])
    #expect(models[2].selected.projector?.hasSuffix("/mmproj-F16.gguf") == true)
    #expect(models[2].selected.sizeBytes > models[1].selected.sizeBytes)
  }

  @Test func badFilesCostOnlyThemselves() async throws {
    try folder.add("p/r/good.Q4_0.gguf")
    try folder.add("p/r/garbage.gguf", bytes: "not a model")
    try folder.add("p/r/empty.gguf", bytes: "")
    try folder.add("p/r/coming.gguf.part", bytes: "GGUF")
    try folder.add("p/r/readme.md", bytes: "hello")
    try folder.add("p/shallow.gguf")
    try folder.add("top.gguf")
    try folder.add("p/r/deep/inner.gguf")
    try folder.add("p/r/.hidden.gguf")
    try folder.add(
      "p/r/adapter.gguf",
      GGUFWriter([("general.architecture", .string("llama")), ("general.type", .string("adapter"))]))
    try folder.add("p/r/vocabulary.gguf", GGUFWriter([("general.architecture", .string("llama"))], tensors: []))
    try FileManager.default.createDirectory(at: folder.url("p/r/folder.gguf"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(at: folder.url("p/r/dangling.gguf"), withDestinationURL: folder.url("x"))
    let catalog = catalog()
    #expect(await catalog.models().map(\.key) == ["good"])
    let skipped = Dictionary(uniqueKeysWithValues: await catalog.skipped().map { ($0.relativePath, $0.reason) })
    #expect(
      skipped == [
        "p/r/garbage.gguf": .header(.notGGUF), "p/r/empty.gguf": .header(.notGGUF), "p/shallow.gguf": .wrongDepth,
        "top.gguf": .wrongDepth, "p/r/deep/inner.gguf": .wrongDepth, "p/r/adapter.gguf": .noModel,
        "p/r/vocabulary.gguf": .noModel,
      ])
  }

  @Test func settlesCollidingKeys() async throws {
    try folder.add("Alice/one/same.Q4_0.gguf")
    try folder.add("bob/one/Same.Q4_0.gguf")
    try folder.add("carol/one/twin.Q4_0.gguf")
    try folder.add("carol/two/twin.Q4_0.gguf")
    try folder.add("dave/one/dup-Q4_0.gguf")
    try folder.add("dave/one/dup.Q4_0.gguf")
    try folder.add("erin/Lonely-7B-GGUF/model.Q4_0.gguf")
    let catalog = catalog()
    #expect(
      await catalog.models().map(\.key) == [
        "alice/same", "bob/same", "carol/one/twin", "carol/two/twin", "dup", "lonely-7b",
      ])
    #expect(await catalog.skipped().map(\.reason) == [.duplicate(of: "dave/one/dup-Q4_0.gguf")])
  }

  @Test func followsLinks() async throws {
    let other = try ModelsFolder()
    try other.add("file.gguf")
    try other.add("repo/linked.Q8_0.gguf")
    try folder.add("p/r/here.Q8_0.gguf")
    try FileManager.default.createSymbolicLink(
      at: folder.url("p/r/there.Q8_0.gguf"), withDestinationURL: other.url("file.gguf"))
    try FileManager.default.createSymbolicLink(at: folder.url("p/s"), withDestinationURL: other.url("repo"))
    #expect(await catalog().models().map(\.key) == ["here", "linked", "there"])
  }

  @Test func seesChangesAndReadsHeadersOnce() async throws {
    let catalog = catalog()
    #expect(await catalog.models().isEmpty)
    try folder.add("p/r/a.Q8_0.gguf")
    #expect(await catalog.models().map(\.key) == ["a"])
    try folder.age()
    for _ in 0..<3 { #expect(await catalog.models().count == 1) }
    let reads = await catalog.headersRead
    try folder.add("p/r/b.Q8_0.gguf")
    try folder.add("q/r/c.Q8_0.gguf")
    #expect(await catalog.models().map(\.key) == ["a", "b", "c"])
    #expect(await catalog.headersRead == reads + 2)
    try FileManager.default.removeItem(at: folder.url("p/r/a.Q8_0.gguf"))
    #expect(await catalog.models().map(\.key) == ["b", "c"])
    try folder.age()
    _ = await catalog.models()
    // Rewritten in place: the folder's time stays the same.
    let size = try Data(contentsOf: folder.url("p/r/b.Q8_0.gguf")).count
    let file = try FileHandle(forWritingTo: folder.url("p/r/b.Q8_0.gguf"))
    try file.write(contentsOf: Data(repeating: 0, count: size))
    try file.close()
    #expect(await catalog.models().map(\.key) == ["c"])
  }

  @Test func severalRoots() async throws {
    let second = try ModelsFolder()
    try folder.add("p/r/a.Q8_0.gguf")
    try second.add("p/r/a.Q8_0.gguf")
    try second.add("p/r/a.Q4_0.gguf")
    let missing = folder.url("missing")
    let catalog = ModelCatalog(roots: [folder.root, second.root, missing])
    let model = try #require(await catalog.models().first)
    #expect(model.variants.map(\.name) == ["a@q4_0", "a@q8_0"])
    #expect(model.variants[1].files[0].hasPrefix(folder.root.path()))
  }

  @Test func listsManyModelsReadingEachHeaderOnce() async throws {
    for number in 0..<250 { try folder.add("p\(number % 20)/r\(number)/model\(number).Q4_0.gguf") }
    try folder.age()
    let catalog = catalog()
    #expect(await catalog.models().count == 250)
    for _ in 0..<10 { _ = await catalog.models() }
    #expect(await catalog.headersRead == 250)
  }

  @Test func estimatesMemory() async throws {
    try folder.add("p/r/a.Q8_0.gguf")
    let catalog = catalog()
    let variant = try #require(await catalog.models().first?.selected)
    let small = try #require(await catalog.memoryEstimate(for: variant, configuration: .init(contextLength: 1000)))
    // 2 layers x 2 heads x (16 + 16) x 2 bytes
    #expect(small.keyValueCache == 1024 * 256)
    #expect(small.weights == variant.sizeBytes)
    #expect(small.compute > 64 << 20)
    let quantized = try #require(
      await catalog.memoryEstimate(for: variant, configuration: .init(contextLength: 1000, kvCacheType: "q8_0")))
    #expect(quantized.keyValueCache == 1024 * 136)
    let mixed = try #require(
      await catalog.memoryEstimate(
        for: variant, configuration: .init(contextLength: 1024, kvCacheType: "q8_0", valueCacheType: "f16")))
    #expect(mixed.keyValueCache == 1024 * (68 + 128))
    let embedding = try #require(
      await catalog.memoryEstimate(for: variant, kind: .embedding, configuration: .init(contextLength: 1000)))
    #expect(embedding.keyValueCache == 0)
  }

  @Test func estimatesStatesOfRecurrentLayers() async throws {
    try folder.add(
      "p/r/mamba.gguf",
      .llm(
        architecture: "mamba",
        extra: [
          ("mamba.ssm.conv_kernel", .uint32(4)), ("mamba.ssm.inner_size", .uint32(128)),
          ("mamba.ssm.state_size", .uint32(16)),
        ]))
    let catalog = catalog()
    let variant = try #require(await catalog.models().first?.selected)
    let estimate = try #require(
      await catalog.memoryEstimate(for: variant, configuration: .init(contextLength: 4096, parallel: 4)))
    // Beside keys and values: 2 layers x (3 x 128 + 128 x 16) numbers x 4 bytes x 10 sequences, whatever the context; and
    // what checkpoints may take.
    let checkpoints = CheckpointBudget.bytes(weights: estimate.weights)
    #expect(estimate.keyValueCache == 4096 * 256 + 2 * (3 * 128 + 128 * 16) * 4 * 10 + checkpoints)
  }
}
