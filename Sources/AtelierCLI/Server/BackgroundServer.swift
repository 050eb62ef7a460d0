import AtelierCore
import Foundation

/// Starts `atelier serve` on its own: a session of its own, its output in the log file, nothing inherited.
struct BackgroundServer: Sendable {
  let directory: DataDirectory

  /// The log of earlier runs is kept once, and put aside when it is larger than this.
  private static let longestLog: Int64 = 8 << 20
  private static let shownLines = 8
  /// `POSIX_SPAWN_SETSID` of glibc's spawn.h.
  private static let newSession = Int16(0x80)

  /// Returns when the server listens. Throws with the end of its log when it ends before that.
  func start(_ arguments: [String], within limit: Duration = .seconds(60)) async throws -> ServerState {
    try directory.create()
    try FileManager.default.createDirectory(
      at: directory.logs, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let log = try openLog()
    let begin = lseek(log, 0, SEEK_END)
    let pid = spawn(arguments, output: log)
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

  private func spawn(_ arguments: [String], output: Int32) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    guard posix_spawn_file_actions_init(&actions) == 0 else { return nil }
    defer { posix_spawn_file_actions_destroy(&actions) }
    guard posix_spawnattr_init(&attributes) == 0 else { return nil }
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    for descriptor in OpenDescriptors.inheritable(above: 2) {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) | Self.newSession)

    let executable = "/proc/self/exe"
    var words: [UnsafeMutablePointer<CChar>?] = (["atelier", "serve"] + arguments).map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      // The token is this command's, for a server; the server needs none.
      ProcessInfo.processInfo.environment.filter { !ServerClient.tokenVariables.contains($0.key) }.map {
        strdup("\($0.key)=\($0.value)")
      } + [nil]
    defer { for text in words + variables { free(text) } }
    var pid: pid_t = 0
    return posix_spawn(&pid, executable, &actions, &attributes, &words, &variables) == 0 ? pid : nil
  }

  private func endOfLog(from begin: off_t) -> String {
    guard let file = try? FileHandle(forReadingFrom: directory.serverLog) else { return "" }
    try? file.seek(toOffset: UInt64(max(0, begin)))
    let data = (try? file.read(upToCount: 1 << 20)) ?? Data()
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    return lines.suffix(Self.shownLines).joined(separator: "\n")
  }
}
