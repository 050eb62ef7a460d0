import AtelierCore
import Dispatch
import Foundation
import Glibc
import Logging
import Synchronization

/// A running server program: a process group of its own that never outlives us, lines in, lines out, its standard error in
/// our log. Threads of its own do the reading and the waiting.
final class ServerProcess: Sendable {
  private struct State {
    /// nil once the process has been reaped: the number may be another's then.
    var pid: pid_t?
    var guardian: ProcessGuard?
    var queuedBytes = 0
    var isInputClosed = false
    var hasExited = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  /// A server that reads nothing for so long is no server.
  private static let mostQueued = 4 << 20
  /// From the end of its input to SIGTERM, from there to SIGKILL, and until we stop waiting.
  private static let patience = (leave: Duration.seconds(2), terminate: Duration.seconds(3), kill: Duration.seconds(2))

  private let input: Int32
  private let writer = DispatchQueue(label: "atelier.mcp.stdin")
  private let state: Mutex<State>

  /// Starts the program. `line` gets each line of its output, one after another; `end` is called once, after the last,
  /// with a reason when it was not the program that ended the stream.
  init(
    _ command: ServerCommand, environment: [String: String], logger: Logger,
    line: @escaping @Sendable ([UInt8]) async -> Void, end: @escaping @Sendable (MCPError?) async -> Void
  ) throws(MCPError) {
    let variables = command.variables(from: environment)
    guard let executable = command.executable(path: variables["PATH"]) else {
      throw MCPError(.cannotStart, "There is no program '\(PlainText.line(command.command, limit: 200))'")
    }
    guard let pipes = Self.pipes() else { throw Self.failure }
    defer { for pipe in pipes { close(pipe.theirs) } }
    let started = ProcessSpawn.start(
      executable, words: [executable] + command.arguments, environment: variables, directory: command.directory,
      descriptors: pipes.map(\.theirs))
    guard let pid = started else {
      for pipe in pipes { close(pipe.ours) }
      throw Self.failure
    }
    let guardian = ProcessGuard(group: pid)
    input = pipes[0].ours
    state = Mutex(State(pid: pid, guardian: guardian))
    Self.thread("mcp-stdout") { Self.read(pipes[1].ours, line: line, end: end) }
    Self.thread("mcp-stderr") { Self.log(pipes[2].ours, logger) }
    Self.thread("mcp-wait") { [self] in reap(pid) }
    if guardian == nil {
      kill(pid)
      throw Self.failure
    }
  }

  /// Queues a line; throws when the process reads too slowly or is gone.
  func write(_ bytes: [UInt8]) throws(MCPError) {
    let refusal = state.withLock { state -> MCPError? in
      if state.isInputClosed || state.hasExited { return .closed }
      guard state.queuedBytes + bytes.count <= Self.mostQueued else { return .busy }
      state.queuedBytes += bytes.count
      return nil
    }
    if let refusal { throw refusal }
    writer.async { [self] in
      put(bytes + [0x0A])
      state.withLock { $0.queuedBytes -= bytes.count }
    }
  }

  /// Closes its input, gives it time to leave, then ends it and everything it started. Returns when it is gone.
  func end() async {
    closeInput()
    let pressure = Task { [self] in
      try await Task.sleep(for: Self.patience.leave)
      signal(SIGTERM)
      try await Task.sleep(for: Self.patience.terminate)
      signal(SIGKILL)
      try await Task.sleep(for: Self.patience.kill)
      release()
    }
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if !state.hasExited { state.waiters.append(continuation) }
        return state.hasExited
      }
      if isOver { continuation.resume() }
    }
    pressure.cancel()
  }

  // MARK: Ends

  private func closeInput() {
    let first = state.withLock { state in
      defer { state.isInputClosed = true }
      return !state.isInputClosed
    }
    guard first else { return }
    // Also ends a write that waits for the process to read.
    shutdown(input, Int32(SHUT_WR))
    writer.async { [input] in close(input) }
  }

  private func signal(_ number: Int32) {
    // Under the lock, so that the number cannot have been reaped and given to others.
    state.withLock { state in if let pid = state.pid { Glibc.kill(-pid, number) } }
  }

  private func kill(_ pid: pid_t) { signal(SIGKILL) }

  private func reap(_ pid: pid_t) {
    var info = siginfo_t()
    // Waits without reaping: the number stays ours until the lock is held.
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    let guardian = state.withLock { state in
      // What the program left behind in its group ends with it.
      Glibc.kill(-pid, SIGKILL)
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      state.pid = nil
      defer { state.guardian = nil }
      return state.guardian
    }
    guardian?.dismiss()
    closeInput()
    release()
  }

  private func release() {
    let waiters = state.withLock { state in
      state.hasExited = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  // MARK: Streams

  private func put(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count < 0, errno == EINTR { continue }
      // The end of its output says that it is gone.
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  private static func read(
    _ descriptor: Int32, line: @escaping @Sendable ([UInt8]) async -> Void,
    end: @escaping @Sendable (MCPError?) async -> Void
  ) {
    var splitter = LineSplitter()
    var failure: MCPError?
    pieces(descriptor) { piece in
      do {
        for one in try splitter.feed(piece) { handOver { await line(one) } }
        return true
      } catch {
        failure = .tooLarge
        return false
      }
    }
    close(descriptor)
    handOver { [failure] in await end(failure) }
  }

  /// Runs it and waits, so that a stream is read no faster than it is understood. Only for threads of our own.
  private static func handOver(_ body: @escaping @Sendable () async -> Void) {
    let done = DispatchSemaphore(value: 0)
    Task {
      await body()
      done.signal()
    }
    done.wait()
  }

  private static func log(_ descriptor: Int32, _ logger: Logger) {
    var line: [UInt8] = []
    func flush() {
      let text = PlainText.line(String(decoding: line, as: UTF8.self), limit: 1024)
      if !text.isEmpty { logger.info("\(text)") }
      line.removeAll(keepingCapacity: true)
    }
    pieces(descriptor) { piece in
      for byte in piece {
        if byte == 0x0A { flush() } else if line.count < 1024 { line.append(byte) }
      }
      return true
    }
    flush()
    close(descriptor)
  }

  private static func pieces(_ descriptor: Int32, _ body: (ArraySlice<UInt8>) -> Bool) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0, body(buffer[..<count]) else { return }
    }
  }

  private static func thread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread { body() }
    thread.name = name
    thread.stackSize = 256 << 10
    thread.start()
  }

  private static func pipes() -> [Pipe]? {
    var made: [Pipe] = []
    for _ in 0..<3 {
      guard let pipe = Pipe() else {
        for pipe in made { pipe.closeBoth() }
        return nil
      }
      made.append(pipe)
    }
    return made
  }

  private static let failure = MCPError(.cannotStart, "The program could not be started")
}
