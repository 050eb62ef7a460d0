import AtelierCore
import AtelierTesting
import Foundation
import Testing

@testable import AtelierModels

struct DownloadManagerTests {
  private let folder: ModelsFolder
  private let hub = ScriptedHub()

  init() throws {
    folder = try ModelsFolder()
    hub.add("o/m-GGUF", ["m.Q4_K_M.gguf": .llm(), "m.Q8_0.gguf": .llm(name: "eight"), "mmproj-m.gguf": Self.projector])
  }

  private static let projector = GGUFWriter([("general.architecture", .string("clip"))])
  private let part = "models/o/m-GGUF/mmproj-m.gguf.part"

  private func manager(free: Int64 = 1 << 40) -> DownloadManager {
    var options = DownloadManager.Options()
    options.freeSpace = { _ in free }
    options.keepFree = 0
    let models = folder.url("models")
    return DownloadManager(
      hub: hub, models: models, journal: folder.url("downloads.json"), catalog: ModelCatalog(roots: [models]),
      options: options)
  }

  private func start(_ manager: DownloadManager, _ model: String = "o/m-GGUF") async throws -> String {
    guard case .job(let job) = try await manager.download(DownloadRequest(model: model)) else {
      throw AtelierError(.internalError, "already there")
    }
    return job.id
  }

  /// Waits for the end of a job.
  private func end(of id: String, _ manager: DownloadManager) async throws -> DownloadStatus {
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
      let status = try await manager.status(ofJob: id)
      if status.state != .downloading || ContinuousClock.now > deadline { return status }
      await Task.yield()
    }
  }

  private func halfway() async { for await _ in hub.halfway { return } }

  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: folder.url(path).path()) }

  // MARK: Steering

  @Test func aPausedJobKeepsItsBytesAndGoesOn() async throws {
    hub.hold("mmproj-m.gguf")
    let manager = manager()
    let id = try await start(manager)
    await halfway()
    let paused = try await manager.pause(id)
    #expect(paused.state == .paused)
    #expect(paused.downloadedBytes == hub.size("o/m-GGUF", "mmproj-m.gguf") / 2)
    #expect(try await manager.pause(id).state == .paused)
    #expect(exists(part))
    hub.release()
    #expect(try await manager.resume(id).state == .downloading)
    let done = try await end(of: id, manager)
    #expect(done.state == .completed && done.modelKey == "m" && done.quantization == "Q4_K_M")
    #expect(try await manager.resume(id).state == .completed)
    #expect(!exists(part))
    #expect(hub.fetched == ["mmproj-m.gguf", "mmproj-m.gguf", "m.Q4_K_M.gguf"])
  }

  @Test func resumingWhileThePauseIsStillAtWorkNeverMakesTwoWriters() async throws {
    hub.hold("mmproj-m.gguf")
    let manager = manager()
    let id = try await start(manager)
    await halfway()
    hub.release()
    async let pause = manager.pause(id)
    async let resume = manager.resume(id)
    _ = try await (pause, resume)
    _ = try await manager.resume(id)
    #expect(try await end(of: id, manager).state == .completed)
    let attributes = try FileManager.default.attributesOfItem(
      atPath: folder.url("models/o/m-GGUF/m.Q4_K_M.gguf").path())
    #expect(attributes[.size] as? Int64 == hub.size("o/m-GGUF", "m.Q4_K_M.gguf"))
  }

  @Test func cancellingRemovesWhatTheJobWrote() async throws {
    // The projector is whole by then; of the model half is there.
    hub.hold("m.Q4_K_M.gguf")
    let manager = manager()
    let id = try await start(manager)
    await halfway()
    #expect(exists("models/o/m-GGUF/mmproj-m.gguf") && exists("models/o/m-GGUF/m.Q4_K_M.gguf.part"))
    try await manager.cancel(id)
    #expect(!exists("models/o"))
    let error = await #expect(throws: AtelierError.self) { try await manager.status(ofJob: id) }
    #expect(error?.code == .jobNotFound)
    #expect(await manager.jobs().isEmpty)
    hub.release()
    #expect(try await end(of: try await start(manager), manager).state == .completed)
  }

  @Test func cancellingLeavesWhatAnotherJobNeeds() async throws {
    hub.hold("m.Q4_K_M.gguf")
    let manager = manager()
    let first = try await start(manager)
    await halfway()
    let second = try await start(manager, "o/m-GGUF@q8_0")
    #expect(try await manager.status(ofJob: second).isQueued)
    try await manager.cancel(first)
    #expect(try await end(of: second, manager).state == .completed)
    #expect(hub.fetched.filter { $0 == "mmproj-m.gguf" }.count == 1)
    #expect(exists("models/o/m-GGUF/mmproj-m.gguf") && !exists("models/o/m-GGUF/m.Q4_K_M.gguf.part"))
  }

  @Test func cancellingACompletedJobKeepsTheModel() async throws {
    let manager = manager()
    let id = try await start(manager)
    #expect(try await end(of: id, manager).state == .completed)
    try await manager.cancel(id)
    #expect(await manager.jobs().isEmpty && exists("models/o/m-GGUF/m.Q4_K_M.gguf"))
  }

  @Test func aRestartCountsWhatIsOnTheDisk() async throws {
    hub.hold("mmproj-m.gguf")
    let before = manager()
    let id = try await start(before)
    await halfway()
    // No shutdown, as after a kill: the journal says that nothing was there.
    let after = manager()
    let status = try await after.status(ofJob: id)
    #expect(status.state == .paused)
    #expect(status.downloadedBytes == hub.size("o/m-GGUF", "mmproj-m.gguf") / 2)
    await before.shutdown()
  }

  @Test func twoDownloadsDoNotCountOnTheSameFreeSpace() async throws {
    hub.add("o/big-GGUF", ["big.gguf": .llm()])
    let size = hub.size("o/big-GGUF", "big.gguf")
    hub.hold("big.gguf")
    hub.add("o/two-GGUF", ["two.gguf": .llm()])
    let manager = manager(free: size + size / 4)
    let first = try await start(manager, "o/big-GGUF")
    await halfway()
    let second = try await end(of: try await start(manager, "o/two-GGUF"), manager)
    guard case .failed(let error) = second.state else { return #expect(Bool(false)) }
    #expect(error.code == .insufficientDiskSpace)
    try await manager.cancel(first)
    hub.release()
    #expect(try await end(of: try await manager.resume(second.id).id, manager).state == .completed)
  }

  @Test func sizesThatNoDiskHasAreRefused() async throws {
    hub.claim(.max, for: "mmproj-m.gguf")
    hub.claim(.max, for: "m.Q4_K_M.gguf")
    let manager = manager()
    let status = try await end(of: try await start(manager), manager)
    guard case .failed(let error) = status.state else { return #expect(Bool(false)) }
    #expect(error.code == .insufficientDiskSpace)
    #expect(status.totalBytes == .max)
  }

  // MARK: Searching

  @Test func theCatalogComesBeforeTheHub() async throws {
    hub.add("x/qwen3-4b-hub-GGUF", [:])
    let manager = manager()
    let found = await manager.search("qwen3-4b", limit: 5, asksHub: true)
    #expect(found.models.first?.id == "qwen/qwen3-4b")
    #expect(found.models.last?.id == "x/qwen3-4b-hub-GGUF" && found.models.last?.isInCatalog == false)
    #expect(found.hubError == nil)
    #expect(await manager.search("qwen3-4b", limit: 5, asksHub: false).models.allSatisfy(\.isInCatalog))
  }

  @Test func theCatalogIsSearchedAlsoWithoutAHub() async throws {
    let alone = ScriptedHub()
    let models = folder.url("models")
    let manager = DownloadManager(
      hub: alone, models: models, journal: folder.url("downloads.json"), catalog: ModelCatalog(roots: [models]))
    let found = await manager.search("gemma", limit: 5, asksHub: true)
    #expect(!found.models.isEmpty && found.hubError?.code == .hubUnreachable)
  }

  @Test func theChoicesOfARepositoryAreShown() async throws {
    let manager = manager()
    #expect(try await end(of: try await start(manager), manager).state == .completed)
    let choices = try await manager.choices(for: "o/m-GGUF")
    #expect(choices.repository == "o/m-GGUF")
    #expect(Set(choices.choices.map(\.quantization)) == ["Q4_K_M", "Q8_0"])
    let four = try #require(choices.choices.first { $0.quantization == "Q4_K_M" })
    #expect(four.isRecommended && four.isDownloaded)
    #expect(four.sizeBytes == hub.size("o/m-GGUF", "m.Q4_K_M.gguf") + hub.size("o/m-GGUF", "mmproj-m.gguf"))
    #expect(choices.choices.first { $0.quantization == "Q8_0" }?.isDownloaded == false)
  }

  @Test func aCatalogEntryWhoseRecommendationIsGoneStillDownloads() async throws {
    hub.add("me/mine", ["mine.Q8_0.gguf": .llm()])
    let catalog = Data(#"{"models":[{"id":"a/b","repository":"me/mine","recommended":"Q4_K_M"}]}"#.utf8)
    let models = folder.url("models")
    let manager = DownloadManager(
      hub: hub, models: models, journal: folder.url("downloads.json"), catalog: ModelCatalog(roots: [models]),
      entries: DownloadCatalog(parsing: catalog))
    #expect(try await end(of: try await start(manager, "a/b"), manager).quantization == "Q8_0")
  }

  // MARK: Deleting

  @Test func deletingForgetsTheJobAndLeavesNothing() async throws {
    let manager = manager()
    #expect(try await end(of: try await start(manager), manager).state == .completed)
    let other = try await end(of: try await start(manager, "o/m-GGUF@q8_0"), manager)
    #expect(other.modelKey == "m@q8_0")
    #expect(try await manager.deletion(of: "m").variants.count == 2)
    #expect(try await manager.delete("m@q8_0").variants == ["m@q8_0"])
    #expect(exists("models/o/m-GGUF/mmproj-m.gguf") && !exists("models/o/m-GGUF/m.Q8_0.gguf"))
    #expect(await manager.jobs().map(\.quantization) == ["Q4_K_M"])
    #expect(try await manager.delete("m").freedBytes > 0)
    #expect(!exists("models/o") && exists("models"))
    #expect(await manager.jobs().isEmpty)
  }

  @Test func nothingIsDeletedWhereADownloadWrites() async throws {
    let manager = manager()
    #expect(try await end(of: try await start(manager), manager).state == .completed)
    hub.hold("m.Q8_0.gguf")
    let id = try await start(manager, "o/m-GGUF@q8_0")
    await halfway()
    let error = await #expect(throws: AtelierError.self) { try await manager.delete("m") }
    #expect(error?.code == .modelInUse && exists("models/o/m-GGUF/m.Q4_K_M.gguf"))
    try await manager.cancel(id)
    _ = try await manager.delete("m")
  }
}
