import AtelierCore
import AtelierWorker
import Foundation
import Synchronization
import Testing

@testable import AtelierLlama

struct LoadTests {
  private func failure(_ files: [String]) -> AtelierError? {
    do throws(AtelierError) {
      _ = try LlamaBackend.load(TestModel.load(files), progress: { _ in true })
      return nil
    } catch {
      return error
    }
  }

  /// A file that lives as long as the body.
  private func withFile<Result>(_ bytes: Data, _ body: (String) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appending(path: "atelier-\(UUID().uuidString).gguf")
    try bytes.write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
  }

  @Test func missingFileIsNamedWithoutItsPath() {
    let error = failure(["/nonexistent/secret/model.gguf"])
    #expect(error?.code == .modelLoadFailed)
    #expect(error?.message == "The model file is missing or cannot be read.")
    let shard = failure(["/nonexistent/a-00001-of-00002.gguf", "/nonexistent/a-00002-of-00002.gguf"])
    #expect(shard?.code == .missingShard)
    #expect(shard?.message == "Part 1 of 2 of the split model is missing or cannot be read.")
  }

  @Test func garbageIsNoModel() throws {
    try withFile(Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 37) })) { path in
      let error = failure([path])
      #expect(error?.code == .corruptFile)
      // The log is one of the process: a load beside this one may have taken the line that tells the two apart.
      let messages = [
        "The model file is not in the GGUF format.",
        "The model could not be loaded: its file is damaged or not a model this engine understands.",
      ]
      #expect(messages.contains(error?.message ?? ""))
    }
  }

  @Test func unknownArchitectureIsNamed() throws {
    var bytes = Data("GGUF".utf8)
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    func append(_ text: String) {
      append(UInt64(text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }
    append(UInt32(3))
    append(UInt64(0))
    append(UInt64(1))
    append("general.architecture")
    append(UInt32(8))
    append("hypothetical9")
    try withFile(bytes) { path in
      let error = failure([path])
      #expect(error?.code == .unsupportedArchitecture)
      #expect(error?.message == "The model's architecture 'hypothetical9' is not supported by this engine.")
    }
  }

  @Test(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"))
  func truncatedFileIsIncomplete() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: TestModel.path), options: .alwaysMapped)
    for length in [whole.count / 2, whole.count - 1000, 100_000, 20] {
      try withFile(whole.prefix(length)) { path in
        let error = failure([path])
        #expect(error?.code == .corruptFile, "cut to \(length)")
        #expect(error.map { !$0.message.contains("/") && !$0.message.contains("llama") } == true)
      }
    }
  }

  @Test(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"))
  func progressRisesToOneAndCanCancel() throws {
    let seen = Mutex<[Double]>([])
    let backend = try LlamaBackend.load(TestModel.load()) { fraction in
      seen.withLock { $0.append(fraction) }
      return true
    }
    let fractions = seen.withLock { $0 }
    #expect(fractions == fractions.sorted())
    #expect(fractions.last == 1)
    #expect(backend.properties.contextLength == 1024)
    #expect(backend.properties.architecture == "llama")
    #expect(backend.properties.hasChatTemplate)
    #expect(backend.properties.parameterCount > 100_000_000)
    #expect(backend.properties.memoryBytes > 90_000_000)

    do throws(AtelierError) {
      _ = try LlamaBackend.load(TestModel.load(), progress: { $0 < 0.3 })
      Issue.record("the load was not cancelled")
    } catch {
      #expect(error.code == .cancelled)
    }
  }

  @Test func memoryFailuresHaveTheirOwnCode() {
    let error = LoadFailure.error(from: ["llama_model_load: error loading model: unable to allocate CPU buffer\n"])
    #expect(error.code == .insufficientMemory)
  }

  @Test func bufferSizesAreReadFromTheLog() {
    #expect(LlamaLog.bufferSize(in: "llama_kv_cache:        CPU KV buffer size =    45.50 MiB\n") == 45.5)
    #expect(LlamaLog.bufferSize(in: "n_ctx = 512") == nil)
  }
}
