import AtelierCore
import AtelierWorkerProtocol
import Foundation
import Glibc
import Logging
import Synchronization

/// One `atelier-worker` process: an empty environment but for what the engine's libraries need, the socket as descriptor 3
/// and nothing else inherited, its output in our log.
///
/// Its own process group, so that an interrupt typed at the terminal does not reach it before the server has drained. It
/// dies with the server, because its socket ends then.
final class WorkerProcess: WorkerPeer {
  private enum State: Sendable {
    case new
    case running(pid_t)
    case reaped
  }

  /// libgomp reads its variable when it is loaded. Threads that spin without end at barriers collapse as soon as another
  /// process wants a core; threads that spin too shortly sleep and wake at every operation. On a quiet machine 100 turns
  /// cost 30 % of the speed of one stream and 1,000 cost 7 %; 10,000 (some 0.2 ms) lose nothing. On a busy one the engine's
  /// thread governor gives way.
  static let environment = ["GOMP_SPINCOUNT": "10000", "GGML_NO_BACKTRACE": "1", "LANG": "C.UTF-8", "TZ": "UTC"]

  private let executable: String
  private let environment: [String: String]
  /// The worker's end; closed here once it is inherited.
  private let socket: Int32
  private let logger: Logger
  private let state = Mutex(State.new)

  init(executable: String, environment: [String: String], socket: Int32, logger: Logger) {
    self.executable = executable
    self.environment = environment
    self.socket = socket
    self.logger = logger
  }

  func start() throws(AtelierError) {
    defer { close(socket) }
    // A socket pair serves as the pipe: it is made close-on-exec in one step.
    let (reading, writing) = try Self.sockets(logger)
    defer { close(writing) }
    let pid: pid_t
    do throws(FrameError) {
      pid = try spawn(output: writing)
    } catch {
      close(reading)
      throw Self.failure(error, logger)
    }
    state.withLock { $0 = .running(pid) }
    WorkerOutput.follow(reading, logger: logger)
  }

  func kill() {
    // Under the lock, so that the number cannot have been reaped and given to another process.
    state.withLock { state in
      if case .running(let pid) = state { _ = Glibc.kill(pid, SIGKILL) }
    }
  }

  func reap() -> String {
    guard case .running(let pid) = state.withLock({ $0 }) else { return "never started" }
    // Its socket has ended, so it is of no use any more; a process that is exiting keeps its own exit status.
    kill()
    var info = siginfo_t()
    // Waits without reaping: the number stays ours until the lock is held.
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    var status: Int32 = 0
    state.withLock { state in
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      state = .reaped
    }
    let signal = status & 0x7f
    return signal == 0 ? "exit status \((status >> 8) & 0xff)" : "signal \(signal)"
  }

  private func spawn(output: Int32) throws(FrameError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    guard posix_spawn_file_actions_init(&actions) == 0 else { throw .system(ENOMEM) }
    defer { posix_spawn_file_actions_destroy(&actions) }
    guard posix_spawnattr_init(&attributes) == 0 else { throw .system(ENOMEM) }
    defer { posix_spawnattr_destroy(&attributes) }

    // Onto itself, dup2 clears close-on-exec, which is what is wanted; the socket goes first, before 3 could be something
    // else's target.
    posix_spawn_file_actions_adddup2(&actions, socket, 3)
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    for descriptor in OpenDescriptors.inheritable(above: 3) {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }

    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(executable), nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var pid: pid_t = 0
    let failure = posix_spawn(&pid, executable, &actions, &attributes, &arguments, &variables)
    guard failure == 0 else { throw .system(failure) }
    return pid
  }

  /// A socket pair; an error for the client when there is none, its cause in the log.
  static func sockets(_ logger: Logger) throws(AtelierError) -> (Int32, Int32) {
    do throws(FrameError) {
      return try SocketPair.make()
    } catch {
      throw failure(error, logger)
    }
  }

  private static func failure(_ cause: FrameError, _ logger: Logger) -> AtelierError {
    let why = if case .system(let code) = cause { String(cString: strerror(code)) } else { "\(cause)" }
    logger.error("worker not started", metadata: ["cause": "\(why)"])
    return AtelierError(.modelLoadFailed, "The engine process could not be started. See the server's log.")
  }
}
