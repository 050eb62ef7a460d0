import AtelierCore
import AtelierTesting
import Foundation
import Testing

@testable import AtelierModels

/// Each system call of a download fails once, in every run another one; whatever it was, nothing is torn, the answer says
/// so, and a server with a healthy disk completes what was begun.
struct FaultInjectionTests {
  private let hub = ScriptedHub()
  private static let files = ["m.Q4_K_M.gguf", "mmproj-m.gguf"]

  init() {
    hub.add(
      "o/m-GGUF", ["m.Q4_K_M.gguf": .llm(), "mmproj-m.gguf": GGUFWriter([("general.architecture", .string("clip"))])])
  }

  private func manager(_ folder: ModelsFolder, _ files: FailingFiles) -> DownloadManager {
    var options = DownloadManager.Options()
    options.freeSpace = { _ in 1 << 40 }
    options.keepFree = 0
    options.calls = files.calls
    let models = folder.url("models")
    return DownloadManager(
      hub: hub, models: models, journal: folder.url("downloads.json"), catalog: ModelCatalog(roots: [models]),
      options: options)
  }

  /// The end of a job for the model; nil when it is there already.
  private func download(_ manager: DownloadManager) async throws(AtelierError) -> DownloadStatus? {
    guard case .job(let job) = try await manager.download(DownloadRequest(model: "o/m-GGUF")) else { return nil }
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
      let status = try await manager.status(ofJob: job.id)
      if status.state != .downloading || ContinuousClock.now > deadline { return status }
      await Task.yield()
    }
  }

  private func expectNothingTorn(_ folder: ModelsFolder, _ context: Comment) {
    for name in Self.files {
      guard let size = FileStamp(path: folder.url("models/o/m-GGUF/\(name)").path())?.size else { continue }
      #expect(Int64(size) == hub.size("o/m-GGUF", name), context)
      #expect(throws: Never.self, context) {
        try GGUFReader.header(ofFileAt: folder.url("models/o/m-GGUF/\(name)").path())
      }
    }
    #expect(!FileManager.default.fileExists(atPath: folder.url("downloads.json.damaged").path()), context)
  }

  private func calls() async throws -> [FileCalls.Call] {
    let files = FailingFiles()
    let folder = try ModelsFolder()
    #expect(try await download(manager(folder, files))?.state == .completed)
    return withExtendedLifetime(folder) { files.log }
  }

  @Test(arguments: [ENOSPC, EIO], [false, true])
  func everyCallMayFail(code: Int32, lasting: Bool) async throws {
    let log = try await calls()
    #expect(Set(log) == Set(FileCalls.Call.allCases), "\(log)")
    for (number, call) in log.enumerated() {
      let folder = try ModelsFolder()
      let context = Comment(rawValue: "call \(number), \(call.rawValue)")
      let broken = manager(folder, FailingFiles(failing: number, with: code, lasting: lasting))
      do throws(AtelierError) {
        if case .failed(let error)? = try await download(broken)?.state {
          #expect(!error.message.isEmpty, context)
          if code == ENOSPC, call == .write || call == .sync { #expect(error.code == .insufficientDiskSpace, context) }
        }
      } catch {
        // The job could not be recorded, so none was promised.
        #expect(await broken.jobs().isEmpty, context)
        #expect(error.code == (code == ENOSPC ? .insufficientDiskSpace : .internalError), context)
      }
      await broken.shutdown()
      expectNothingTorn(folder, context)

      // As a new server finds it.
      let healthy = manager(folder, FailingFiles())
      let end = try await download(healthy)
      #expect(end == nil || end?.state == .completed, "\(context): \(String(describing: end?.state))")
      expectNothingTorn(folder, context)
      for name in Self.files {
        #expect(FileStamp(path: folder.url("models/o/m-GGUF/\(name)").path()) != nil, context)
        #expect(FileStamp(path: folder.url("models/o/m-GGUF/\(name).part").path()) == nil, context)
      }
      withExtendedLifetime(folder) {}
    }
  }
}
