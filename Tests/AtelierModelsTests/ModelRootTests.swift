import AtelierCore
import AtelierModels
import AtelierTesting
import Foundation
import Testing

/// Further folders of models, laid out by other programs.
struct ModelRootTests {
  private let own: ModelsFolder
  private let other: ModelsFolder

  init() throws {
    own = try ModelsFolder()
    other = try ModelsFolder()
  }

  private var catalog: ModelCatalog { ModelCatalog(roots: [own.root, other.root]) }

  private func link(_ path: String, to target: String) throws {
    let url = other.url(path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(at: url, withDestinationURL: other.url(target))
  }

  @Test func readsAHuggingFaceCache() async throws {
    let cache = "models--bartowski--Tiny-GGUF"
    try other.add("\(cache)/blobs/aaa", .llm(name: "old"))
    try other.add("\(cache)/blobs/bbb", .llm(name: "new"))
    try other.add("\(cache)/blobs/ccc")
    try link("\(cache)/snapshots/rev1/Tiny-Q4_0.gguf", to: "\(cache)/blobs/aaa")
    try link("\(cache)/snapshots/rev2/Tiny-Q4_0.gguf", to: "\(cache)/blobs/bbb")
    try link("\(cache)/snapshots/rev1/big/Tiny-Q8_0.gguf", to: "\(cache)/blobs/ccc")
    try link("\(cache)/snapshots/rev2/README.md", to: "\(cache)/blobs/ccc")
    try link("\(cache)/snapshots/rev2/Tiny-Q2_K.gguf", to: "\(cache)/blobs/coming.incomplete")
    try other.add("\(cache)/refs/main", bytes: "rev2\n")
    try other.add("models--noowner/snapshots/r/x.gguf")
    let models = await catalog.models()
    #expect(models.map(\.key) == ["tiny"])
    #expect(models[0].displayName == "new")
    #expect((models[0].publisher, models[0].repository) == ("bartowski", "Tiny-GGUF"))
    #expect(models[0].variants.map(\.name) == ["tiny@q4_0", "tiny@q8_0"])
    #expect(models[0].variants[1].relativePath == "bartowski/Tiny-GGUF/big/Tiny-Q8_0.gguf")
    #expect(await catalog.resolve("bartowski/Tiny-GGUF")?.variant == 0)
  }

  @Test func readsTheFolderAboveACache() async throws {
    try other.add("hub/models--a--b/snapshots/r/m.Q4_0.gguf")
    #expect(await catalog.models().map(\.key) == ["m"])
  }

  private func addOllama(_ name: String, tag: String, digest: Character, _ writer: GGUFWriter?, store: String = "")
    throws
  {
    let hash = String(repeating: digest, count: 64)
    try other.add(
      "\(store)manifests/registry.ollama.ai/library/\(name)/\(tag)",
      bytes: """
        {"schemaVersion":2,"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:\(hash)","size":1},
        {"mediaType":"application/vnd.ollama.image.license","digest":"sha256:\(hash)"}]}
        """)
    if let writer { try other.add("\(store)blobs/sha256-\(hash)", writer) }
  }

  @Test func readsAnOllamaStore() async throws {
    try addOllama("llama3.2", tag: "latest", digest: "a", .llm())
    try addOllama("llama3.2", tag: "3b-instruct-q4_K_M", digest: "a", nil)
    try addOllama("qwen3", tag: "latest", digest: "b", .llm(fileType: 7))
    try addOllama("coming", tag: "latest", digest: "c", nil)
    try other.add("manifests/registry.ollama.ai/library/odd/latest", bytes: "no manifest")
    try other.add(
      "manifests/registry.ollama.ai/library/evil/latest",
      bytes:
        #"{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:../../../../etc/passwd"}]}"#)
    let catalog = catalog
    let models = await catalog.models()
    #expect(models.map(\.key) == ["llama3.2-3b-instruct", "qwen3"])
    #expect(models.map(\.selected.quantization?.name) == ["Q4_K_M", "Q8_0"])
    #expect(models[0].selected.files[0].hasSuffix("/blobs/sha256-" + String(repeating: "a", count: 64)))
    #expect((models[0].publisher, models[0].repository) == ("library", "llama3.2"))
    // The download ends.
    try GGUFWriter.llm().write(to: other.url("blobs/sha256-" + String(repeating: "c", count: 64)))
    #expect(await catalog.models().map(\.key) == ["coming", "llama3.2-3b-instruct", "qwen3"])
  }

  @Test func readsTheFolderAboveAStore() async throws {
    try addOllama("tiny", tag: "latest", digest: "d", .llm(), store: "models/")
    #expect(await catalog.models().map(\.key) == ["tiny"])
  }

  @Test func readsTheLayoutOfLMStudio() async throws {
    try other.add("lmstudio-community/Tiny-GGUF/Tiny-Q4_K_M.gguf")
    #expect(await catalog.models().map(\.key) == ["tiny"])
  }

  @Test func anotherFolderRenamesNothing() async throws {
    try own.add("alice/one/same.Q4_0.gguf")
    try other.add("bob/one/same.Q4_0.gguf")
    try other.add("carol/one/same.Q4_0.gguf")
    #expect(await catalog.models().map(\.key) == ["bob/same", "carol/same", "same"])
    #expect(await catalog.resolve("same")?.model.publisher == "alice")
  }

  @Test func oneFileUnderTwoFoldersIsOneModel() async throws {
    try own.add("alice/one/same.Q4_0.gguf")
    try FileManager.default.createDirectory(at: other.url("bob/two"), withIntermediateDirectories: true)
    try FileManager.default.linkItem(
      at: own.url("alice/one/same.Q4_0.gguf"), to: other.url("bob/two/other-name.Q4_0.gguf"))
    let catalog = catalog
    #expect(await catalog.models().map(\.key) == ["same"])
    #expect(await catalog.skipped().map(\.reason) == [.duplicate(of: "alice/one/same.Q4_0.gguf")])
    let twice = ModelCatalog(roots: [own.root, own.root])
    #expect(await twice.models().map(\.key) == ["same"])
    #expect(await twice.skipped().isEmpty)
  }

  @Test func aFolderThatAppearsIsRead() async throws {
    let later = own.url("../later-\(UUID().uuidString)").standardizedFileURL
    defer { try? FileManager.default.removeItem(at: later) }
    let catalog = ModelCatalog(roots: [own.root, later])
    #expect(await catalog.models().isEmpty)
    try GGUFWriter.llm().write(to: later.appending(path: "p/r/m.Q4_0.gguf"))
    #expect(await catalog.models().map(\.key) == ["m"])
  }
}
