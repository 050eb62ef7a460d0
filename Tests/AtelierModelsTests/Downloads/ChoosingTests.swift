import AtelierCore
import AtelierEgress
import Foundation
import Testing

@testable import AtelierModels

struct ChoosingTests {
  private let repository = RepositoryName(owner: "o", name: "r")!

  private func target(_ model: String, _ quantization: String? = nil) throws -> DownloadTarget {
    let hub = Origin(scheme: .http, host: "hub.lan", port: 8080)
    return try DownloadTarget(DownloadRequest(model: model, quantization: quantization), hub: hub)
  }

  @Test func linksAndIdsAreRead() throws {
    #expect(
      try target("https://huggingface.co/o/r")
        == .link(repository, revision: "main", file: nil, quantization: nil))
    #expect(
      try target("http://hub.lan:8080/o/r/tree/refs%2Fpr%2F1", "q4_k_m")
        == .link(repository, revision: "refs/pr/1", file: nil, quantization: "Q4_K_M"))
    #expect(
      try target("https://huggingface.co/o/r/blob/main/d/x.gguf?download=true")
        == .link(repository, revision: "main", file: "d/x.gguf", quantization: nil))
    #expect(try target("o/r@q8_0") == .catalog(repository, quantization: "Q8_0"))
  }

  @Test(arguments: [
    "", "o", "o/r/s", "o/r@a@b", "o/.r", "../r", "o/r@", "http://huggingface.co/o/r", "https://huggingface.co.evil/o/r",
    "https://huggingface.co/o", "https://huggingface.co/o/..", "https://huggingface.co/o/%2e%2e",
    "https://u@huggingface.co/o/r",
    "https://huggingface.co/o/r/blob/main/x.bin", "https://huggingface.co/o/r/blob/../x.gguf",
    "https://huggingface.co/o/r/tree",
    "https://huggingface.co/o/r/tree/main/folder", "https://hub.lan:8080/o/r", "http://hub.lan/o/r",
    "http://hub.lan:8081/o/r",
  ])
  func otherTextIsRefused(model: String) {
    let error = #expect(throws: AtelierError.self) { try target(model) }
    #expect(error?.code == .invalidValue && error?.param == "model")
  }

  @Test func aQuantizationGoesWithLinksToRepositoriesOnly() {
    #expect(#expect(throws: AtelierError.self) { try target("o/r", "Q8_0") }?.code == .notImplemented)
    let pinned = #expect(throws: AtelierError.self) {
      try target("https://huggingface.co/o/r/blob/main/x.gguf", "Q8_0")
    }
    #expect(pinned?.code == .invalidValue)
  }

  private func select(_ names: [String], _ quantization: String? = nil, file: String? = nil) throws -> [String] {
    let listing = names.enumerated().map { HubFile(path: $1, size: Int64($0 + 1)) }
    return try FileSelection(from: listing, repository: repository, quantization: quantization, file: file).files.map(
      \.path)
  }

  @Test func theOrderOfPreferenceHolds() throws {
    var names = [
      "Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1", "IQ4_XS", "Q5_K_M", "Q5_K_S", "Q6_K", "Q8_0", "Q3_K_L", "Q3_K_M", "Q3_K_S",
      "IQ3_M", "Q2_K", "BF16", "F16", "F32",
    ].map { "m.\($0).gguf" }
    while let best = names.first {
      #expect(try select(names.reversed()) == [best])
      names.removeFirst()
    }
    #expect(try select(["b.gguf", "a.gguf"]) == ["b.gguf"], "else the smallest")
  }

  @Test func projectorsAndShardsComeAlong() throws {
    let names = [
      "mmproj-F32.gguf", "mmproj-BF16.gguf", "mmproj-F16.gguf", "m-Q4_K_M-00002-of-00002.gguf",
      "m-Q4_K_M-00001-of-00002.gguf",
      "m-Q4_0-00001-of-00002.gguf", "README.md",
    ]
    let shards = ["mmproj-F16.gguf", "m-Q4_K_M-00001-of-00002.gguf", "m-Q4_K_M-00002-of-00002.gguf"]
    #expect(try select(names) == shards)
    #expect(try select(names, file: "m-Q4_K_M-00002-of-00002.gguf") == shards)
    let missing = #expect(throws: AtelierError.self) { try select(names, "Q4_0") }
    #expect(missing?.message.contains("Available: Q4_K_M.") == true)
    #expect(try select(["Q8_0/m.gguf", "Q4_0/m.gguf"], "q8_0") == ["Q8_0/m.gguf"])
  }

  @Test(arguments: [
    "../a.gguf", "/a.gguf", ".a.gguf", "a/../b.gguf", "a\\b.gguf", "a\u{0}.gguf", "a\u{202E}b.gguf", "a//b.gguf",
    "a.gguf.part",
    "mmproj.gguf", "a.bin",
  ])
  func nothingElseIsAModel(path: String) {
    #expect(#expect(throws: AtelierError.self) { try select([path]) }?.code == .noCompatibleFiles)
  }

  @Test func theBuiltInTableIsWholeAndTheUsersFileWins() throws {
    let catalog = DownloadCatalog()
    #expect(catalog.entries.count == BuiltInModels.table.split(separator: "\n").count)
    let id = try #require(RepositoryName("Qwen/Qwen3-4B"))
    #expect(catalog[id]?.recommended == "Q4_K_M")
    let own = DownloadCatalog(
      parsing: Data(#"{"models":[{"id":"qwen/QWEN3-4b","repository":"me/mine","recommended":"Q8_0"},{"id":"x"}]}"#.utf8)
    )
    #expect(own[id]?.repository == RepositoryName("me/mine"))
    #expect(own.problems.count == 1 && own.entries.count == catalog.entries.count)
    #expect(catalog.entries.allSatisfy { QuantizationName.matches($0.recommended[...]) })
  }

  @Test(arguments: [
    ("qwen3-4b", "qwen/qwen3-4b"), ("Qwen3 4B", "qwen/qwen3-4b"), ("qwen/qwen3-4b", "qwen/qwen3-4b"),
    ("gemma", "google/gemma-3-1b"), ("smollm3", "huggingfacetb/smollm3-3b"),
    ("meta-llama-3.1", "meta/llama-3.1-8b"), ("4b 2507 thinking", "qwen/qwen3-4b-thinking-2507"),
  ])
  func theLikeliestEntryComesFirst(words: String, first: String) {
    #expect(DownloadCatalog().search(words).first?.id == first)
  }

  @Test func wordsThatFitNothingFindNothing() {
    #expect(DownloadCatalog().search("qwen zebra").isEmpty)
    #expect(DownloadCatalog().search("  ").count == DownloadCatalog().entries.count)
  }

  @Test func aRecommendationHoldsWhereTheRepositoryHasIt() throws {
    let listing = ["m.Q4_K_M.gguf", "m.Q8_0.gguf"].map { HubFile(path: $0, size: 1) }
    func chosen(_ recommended: String) throws -> String? {
      try FileSelection(from: listing, repository: repository, recommended: recommended).quantization
    }
    #expect(try chosen("q8_0") == "Q8_0")
    #expect(try chosen("Q6_K") == "Q4_K_M")
  }
}
