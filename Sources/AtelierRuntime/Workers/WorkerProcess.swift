import AtelierCore
import AtelierWorkerProtocol
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
  ///
  /// glibc's tunable asks for huge pages for all that `malloc` maps: weights, cache and compute buffers.
  static let environment = [
    "GOMP_SPINCOUNT": "10000", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "GGML_NO_BACKTRACE": "1", "LANG": "C.UTF-8",
    "TZ": "UTC",
  ]

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
    let pid = ProcessSpawn.start(
      executable, words: [executable], environment: environment, descriptors: [nil, writing, writing, socket])
    guard let pid else {
      close(reading)
      throw Self.failure("\(executable) does not start", logger)
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

  /// A socket pair; an error for the client when there is none, its cause in the log.
  static func sockets(_ logger: Logger) throws(AtelierError) -> (Int32, Int32) {
    do throws(FrameError) {
      return try SocketPair.make()
    } catch {
      throw failure("\(error)", logger)
    }
  }

  private static func failure(_ cause: String, _ logger: Logger) -> AtelierError {
    logger.error("worker not started", metadata: ["cause": "\(cause)"])
    return AtelierError(.modelLoadFailed, "The engine process could not be started. See the server's log.")
  }
}
