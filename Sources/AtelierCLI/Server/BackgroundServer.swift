import AtelierCore
import Foundation

/// Starts `atelier serve` on its own: a session of its own, its output in the log file, nothing inherited.
struct BackgroundServer: Sendable {
  let directory: DataDirectory

  /// The log of earlier runs is kept once, and put aside when it is larger than this.
  private static let longestLog: Int64 = 8 << 20
  private static let shownLines = 8

  /// Returns when the server listens. Throws with the end of its log when it ends before that.
  func start(_ arguments: [String], within limit: Duration = .seconds(60)) async throws -> ServerState {
    try directory.create()
    try FileManager.default.createDirectory(
      at: directory.logs, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let log = try openLog()
    let begin = lseek(log, 0, SEEK_END)
    // The token is this command's, for a server; the server needs none.
    let environment = ProcessInfo.processInfo.environment.filter { !ServerClient.tokenVariables.contains($0.key) }
    let pid = ProcessSpawn.start(
      "/proc/self/exe", words: ["atelier", "serve"] + arguments, environment: environment,
      descriptors: [nil, log, log], leading: .session)
    close(log)
    guard let pid else { throw CommandFailure("The server's process cannot be started.") }
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      if let state = ServerState.read(from: directory), state.processID == pid { return state }
      var status: Int32 = 0
      if waitpid(pid, &status, WNOHANG) == pid {
        throw CommandFailure("The server ended before it could listen:\n\(endOfLog(from: begin))")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    kill(pid, SIGKILL)
    throw CommandFailure("The server does not listen after \(limit.components.seconds) s.")
  }

  private func openLog() throws -> Int32 {
    let path = directory.serverLog.path(percentEncoded: false)
    var status = stat()
    if stat(path, &status) == 0, Int64(status.st_size) > Self.longestLog { rename(path, path + ".1") }
    let log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard log >= 0 else { throw CommandFailure("The log file \(path) cannot be written.") }
    return log
  }

  private func endOfLog(from begin: off_t) -> String {
    guard let file = try? FileHandle(forReadingFrom: directory.serverLog) else { return "" }
    try? file.seek(toOffset: UInt64(max(0, begin)))
    let data = (try? file.read(upToCount: 1 << 20)) ?? Data()
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    return lines.suffix(Self.shownLines).joined(separator: "\n")
  }
}
