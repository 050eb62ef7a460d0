import AtelierCore
import AtelierWorkerProtocol
import Foundation
import Glibc
import Logging
import Testing

@testable import AtelierRuntime

/// One at a time: a child being spawned holds a copy of every open file for a moment, and a script still open for writing
/// cannot be run.
@Suite(.serialized)
struct WorkerProcessTests {
  private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
  private let load = EngineLoad(
    kind: .llm, files: ["/nowhere"], projector: nil, configuration: LoadConfiguration(contextLength: 64))

  private func script(_ text: String) throws -> URL {
    let url = FileManager.default.temporaryDirectory.appending(path: "atelier-worker-\(UUID().uuidString)")
    try Data("#!/bin/sh\n\(text)\n".utf8).write(to: url)
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: url.path(percentEncoded: false))
    return url
  }

  /// What a child sees: only descriptors 0 to 3, only the few variables, a process group of its own.
  @Test func aWorkerInheritsItsSocketAndNothingElse() async throws {
    // Left open across exec on purpose, at a number that no shell uses.
    let null = open("/dev/null", O_RDONLY)
    let leaked = fcntl(null, F_DUPFD, 100)
    close(null)
    defer { close(leaked) }
    try #require(leaked >= 100)
    let report = FileManager.default.temporaryDirectory.appending(path: "atelier-report-\(UUID().uuidString)")
    let path = report.path(percentEncoded: false)
    let worker = try script(
      """
      { for f in 0 1 2 3 4 5 6 7 8 9 \(leaked); do [ -e /proc/$$/fd/$f ] && printf '%s ' $f; done; echo
        /usr/bin/env | /usr/bin/sort; echo "group $(/usr/bin/cut -d' ' -f5 /proc/$$/stat) $$"; } > \(path).part
      /bin/mv \(path).part \(path)
      """)
    defer {
      try? FileManager.default.removeItem(at: worker)
      try? FileManager.default.removeItem(at: report)
    }
    let launcher = WorkerLauncher(executable: worker.path(percentEncoded: false), logger: logger)
    #expect(await code { try await launcher.launch(load) { _ in } } == .modelLoadFailed)
    let lines = try String(contentsOf: report, encoding: .utf8).split(separator: "\n").map(String.init)
    // The shell holds its own script open at 10 or above.
    #expect(lines.first == "0 1 2 3 ")
    #expect(lines.contains("GOMP_SPINCOUNT=10000") && lines.contains("GGML_NO_BACKTRACE=1"))
    #expect(lines.contains("GLIBC_TUNABLES=glibc.malloc.hugetlb=1"))
    #expect(!lines.contains { $0.hasPrefix("HOME=") || $0.hasPrefix("USER=") })
    let group = try #require(lines.last).split(separator: " ")
    #expect(group[1] == group[2])
  }

  @Test func aMissingBinaryIsAFailedLoad() async {
    let launcher = WorkerLauncher(executable: "/nowhere/atelier-worker", logger: logger)
    #expect(await code { try await launcher.launch(load) { _ in } } == .modelLoadFailed)
  }

  @Test func aKilledWorkerIsReapedAndItsSignalKnown() throws {
    let worker = try script("exec /bin/sleep 60")
    defer { try? FileManager.default.removeItem(at: worker) }
    let ends = try SocketPair.make()
    defer { close(ends.0) }
    let process = WorkerProcess(
      executable: worker.path(percentEncoded: false), environment: [:], socket: ends.1, logger: logger)
    try process.start()
    process.kill()
    #expect(process.reap() == "signal 9")
    process.kill()
  }

  @Test func theWorkerLiesBesideTheExecutable() throws {
    let path = try #require(WorkerExecutable.beside())
    #expect(path.hasPrefix("/") && path.hasSuffix("/atelier-worker"))
  }
}
