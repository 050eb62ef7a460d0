import AtelierCore
import AtelierTesting
import Foundation
import Testing

@testable import AtelierModels

struct ModelRemovalTests {
  private let folder: ModelsFolder
  private let outside: ModelsFolder

  init() throws {
    folder = try ModelsFolder()
    outside = try ModelsFolder()
    try folder.add("p/r/m.Q4_0.gguf")
    try folder.add("p/r/m.Q8_0.gguf")
  }

  private func delete(_ name: String, roots: [URL]? = nil) async throws -> ModelDeletion {
    let index = await ModelCatalog(roots: roots ?? [folder.root]).index()
    let removal = try ModelRemoval(of: name, in: index, models: folder.root)
    try removal.perform()
    return removal.deletion
  }

  private func refused(_ name: String, roots: [URL]? = nil) async -> AtelierError.Code? {
    await #expect(throws: AtelierError.self) { try await delete(name, roots: roots) }?.code
  }

  private func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.url(path).path())
  }

  @Test(arguments: ["m", "M", "p/r"]) func aModelGoesWithAllItsVariants(name: String) async throws {
    let deletion = try await delete(name)
    #expect(Set(deletion.variants) == ["m@q4_0", "m@q8_0"] && deletion.modelKey == "m")
    #expect(!exists("p") && exists(""))
  }

  @Test(arguments: ["m@q8_0", "m@Q8_0", "p/r/m.Q8_0.gguf"]) func oneVariantGoesAlone(name: String) async throws {
    #expect(try await delete(name).variants == ["m@q8_0"])
    #expect(exists("p/r/m.Q4_0.gguf") && !exists("p/r/m.Q8_0.gguf"))
  }

  @Test(arguments: ["", "x", "other/m", "m@q4", "r/m", "../m", "p"]) func nearMissesDeleteNothing(name: String) async {
    #expect(await refused(name) == .modelNotFound)
    #expect(exists("p/r/m.Q4_0.gguf") && exists("p/r/m.Q8_0.gguf"))
  }

  @Test func partsGoTogetherAndASharedProjectorStays() async throws {
    try folder.add("p/s/a-00001-of-00002.gguf", .llm(extra: [("split.count", .uint32(2)), ("split.no", .uint32(0))]))
    try folder.add("p/s/a-00002-of-00002.gguf", .llm(extra: [("split.count", .uint32(2)), ("split.no", .uint32(1))]))
    try folder.add("p/s/b.gguf")
    try folder.add("p/s/mmproj-x.gguf", GGUFWriter([("general.architecture", .string("clip"))]))
    #expect(try await delete("a").paths.count == 2)
    #expect(exists("p/s/mmproj-x.gguf"))
    #expect(try await delete("b").paths.count == 2)
    #expect(!exists("p/s") && exists("p/r"))
  }

  @Test func ofALinkOnlyTheLinkGoes() async throws {
    try outside.add("real.gguf")
    try FileManager.default.createDirectory(at: folder.url("p/l"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: folder.url("p/l/linked.gguf"), withDestinationURL: outside.url("real.gguf"))
    #expect(try await delete("linked").freedBytes == 0)
    #expect(!exists("p/l") && FileManager.default.fileExists(atPath: outside.url("real.gguf").path()))
  }

  @Test func whatLiesElsewhereStays() async throws {
    try outside.add("q/t/away.gguf")
    #expect(await refused("away", roots: [folder.root, outside.root]) == .invalidValue)
    try FileManager.default.createSymbolicLink(at: folder.url("q"), withDestinationURL: outside.url("q"))
    #expect(await refused("away") == .invalidValue)
    #expect(FileManager.default.fileExists(atPath: outside.url("q/t/away.gguf").path()))
  }
}
