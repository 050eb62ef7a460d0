import AtelierCore
import AtelierTesting
import Foundation
import Testing

@testable import AtelierModels

struct ModelImportTests {
  private let models: ModelsFolder
  private let source: ModelsFolder

  init() throws {
    models = try ModelsFolder()
    source = try ModelsFolder()
    try source.add("Tiny-1B.Q4_0.gguf")
  }

  private func work(_ names: [String], _ repository: String? = nil) throws -> ModelImport {
    try ModelImport(
      names.map { source.url($0).path() }, repository: repository.flatMap { RepositoryName($0) }, models: models.root)
  }

  private func problem(_ names: [String], _ repository: String? = nil) -> String {
    #expect(throws: ModelImport.Problem.self) { try work(names, repository) }?.description ?? ""
  }

  private func isThere(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path()) }

  @Test(arguments: [ImportMode.move, .copy, .hardLink, .symbolicLink])
  func theModelIsListedAfterwards(mode: ImportMode) async throws {
    let work = try work(["Tiny-1B.Q4_0.gguf"])
    #expect(work.items.map(\.target) == ["imported/Tiny-1B/Tiny-1B.Q4_0.gguf"])
    try work.perform(mode)
    #expect(await ModelCatalog(roots: [models.root]).models().map(\.key) == ["tiny-1b"])
    #expect(isThere(source.url("Tiny-1B.Q4_0.gguf")) == (mode != .move))
    let target = models.url("imported/Tiny-1B/Tiny-1B.Q4_0.gguf").path()
    let isLink = (try? FileManager.default.destinationOfSymbolicLink(atPath: target)) != nil
    #expect(isLink == (mode == .symbolicLink))
    let left = try FileManager.default.contentsOfDirectory(atPath: models.url("imported/Tiny-1B").path())
    #expect(left == ["Tiny-1B.Q4_0.gguf"])
  }

  @Test func anExistingTargetIsNeverReplaced() throws {
    let first = try work(["Tiny-1B.Q4_0.gguf"], "o/r")
    let second = try work(["Tiny-1B.Q4_0.gguf"], "o/r")
    try first.perform(.copy)
    #expect(problem(["Tiny-1B.Q4_0.gguf"], "o/r").contains("already"))
    for mode in [ImportMode.move, .copy, .hardLink, .symbolicLink] {
      let error = #expect(throws: ModelImport.Problem.self) { try second.perform(mode) }
      #expect(error?.description.contains("already") == true)
    }
    #expect(isThere(source.url("Tiny-1B.Q4_0.gguf")))
    #expect(try FileManager.default.contentsOfDirectory(atPath: models.url("o/r").path()) == ["Tiny-1B.Q4_0.gguf"])
  }

  @Test func onePartStandsForAll() throws {
    try source.add("s-00001-of-00002.gguf")
    #expect(problem(["s-00001-of-00002.gguf"]).contains("Part 2 is missing"))
    try source.add("s-00002-of-00002.gguf")
    let both = ["imported/s/s-00001-of-00002.gguf", "imported/s/s-00002-of-00002.gguf"]
    #expect(try work(["s-00002-of-00002.gguf"]).items.map(\.target) == both)
    #expect(try work(["s-00002-of-00002.gguf", "s-00001-of-00002.gguf"]).items.map(\.target) == both)
  }

  @Test func otherFilesAreRefused() throws {
    try source.add("text.gguf", bytes: "no model")
    try source.add("model.bin", bytes: "x")
    try source.add("mmproj-x.gguf", GGUFWriter([("general.architecture", .string("clip"))]))
    try models.add("o/r/inside.gguf")
    #expect(problem(["text.gguf"]).contains("not a GGUF file"))
    #expect(problem(["model.bin"]).contains(".gguf"))
    #expect(problem(["missing.gguf"]).contains("no file"))
    #expect(problem(["mmproj-x.gguf"]).contains("--user-repo"))
    #expect(try work(["mmproj-x.gguf"], "o/r").items.map(\.target) == ["o/r/mmproj-x.gguf"])
    let inside = #expect(throws: ModelImport.Problem.self) {
      try ModelImport([models.url("o/r/inside.gguf").path()], repository: nil, models: models.root)
    }
    #expect(inside?.description.contains("already") == true)
    try FileManager.default.createSymbolicLink(
      at: source.url("link.gguf"), withDestinationURL: source.url("Tiny-1B.Q4_0.gguf"))
    let link = try work(["link.gguf"])
    #expect(throws: ModelImport.Problem.self) { try link.perform(.move) }
    #expect(isThere(source.url("link.gguf")))
  }
}
