import AtelierCore
import AtelierWorkerProtocol
import Dispatch
import Foundation
import Logging
import Synchronization

/// The conversation with one worker, from its start to its end, and what has to be done when either side fails.
///
/// One thread starts the worker, reads its reports and waits for its end. Commands are written on a queue of their own, so
/// no caller ever blocks on the socket. Whatever happens, everything that waits here is answered: the thread's last act is
/// `ended`.
final class WorkerConnection: Sendable {
  private enum Phase: Sendable { case starting, loading, ready, stopping, gone }

  private enum Request {
    case accepting(
      CheckedContinuation<Result<EventBuffer, AtelierError>, Never>, byteLimit: Int, GenerationTrace)
    case streaming(Stream)
    /// One report answers it.
    case asking(CheckedContinuation<Result<WorkerReport, AtelierError>, Never>)
  }

  private struct Stream {
    let buffer: EventBuffer
    let trace: GenerationTrace
    /// When the worker took the request.
    let accepted: Duration
    /// It has had its turn.
    var hasBegun = false
  }

  private struct State {
    var phase = Phase.starting
    var lastID: UInt64 = 0
    var requests: [UInt64: Request] = [:]
    var load: EngineLoad?
    var progress: (@Sendable (Double) -> Void)?
    var loading: CheckedContinuation<Result<EngineProperties, AtelierError>, Never>?
    var deadline: LoadDeadline?
    var monitor: HeartbeatMonitor
    /// Tokens of the context that was asked for; the worker gives no more.
    var askedContext = 0
    /// Tokens that one answer can have; more is no answer of a working engine.
    var longestAnswer = 0
    /// Why we ended it ourselves; for the log and for the error of a load.
    var verdict: String?
    var wasAsked = false
    var waiters: [CheckedContinuation<Bool, Never>] = []
  }

  /// Bytes of text that may wait for a consumer; log probabilities are much larger than their text.
  private static let byteLimit = 256 << 10
  private static let byteLimitWithLogprobs = 2 << 20

  /// Tokens an answer may have beyond its context before it is called impossible.
  private static let contextLeeway = 1024

  private let channel: FrameChannel
  private let peer: any WorkerPeer
  private let timing: WorkerTiming
  private let logger: Logger
  private let clock = SystemClock()
  private let writing = DispatchQueue(label: "worker-commands")
  private let state: Mutex<State>

  init(channel: FrameChannel, peer: any WorkerPeer, timing: WorkerTiming, logger: Logger) {
    self.channel = channel
    self.peer = peer
    self.timing = timing
    self.logger = logger
    state = Mutex(State(monitor: HeartbeatMonitor(timing: timing, now: clock.now)))
  }

  // MARK: Calls

  /// Starts the worker and has it load. Once. Cancelling the task kills the worker.
  func load(
    _ load: EngineLoad, progress: @escaping @Sendable (Double) -> Void
  ) async throws(AtelierError) -> EngineProperties {
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        state.withLock { state in
          state.load = load
          state.askedContext = load.configuration.contextLength
          state.progress = progress
          state.loading = continuation
          state.deadline = LoadDeadline(timing: timing, now: clock.now)
        }
        let thread = Thread { self.run() }
        thread.name = "worker-reports"
        thread.stackSize = 1 << 20
        thread.start()
        Task { await self.watch() }
      }
    } onCancel: {
      kill("the load was cancelled")
    }
    if Task.isCancelled {
      kill("the load was cancelled")
      throw AtelierError(.cancelled, "The load was cancelled.")
    }
    return try result.get()
  }

  func generate(
    _ request: EngineRequest, trace: GenerationTrace
  ) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    let id = nextID()
    let limit = request.topLogprobs == nil ? Self.byteLimit : Self.byteLimitWithLogprobs
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        begin(id, .accepting(continuation, byteLimit: limit, trace), .predict(id: id, request))
      }
    } onCancel: {
      cancel(id)
    }
    let buffer = try result.get()
    let handle = StreamHandle { [weak self] in self?.cancel(id) }
    return AsyncStream {
      let event = await buffer.next()
      if event == nil { handle.end() }
      return event
    }
  }

  func embed(_ request: EmbeddingRequest) async throws(AtelierError) -> EmbeddingResult {
    guard case .embedded(_, let result) = try await ask({ .embed(id: $0, request) }),
      result.vectors.count == request.inputs.count
    else { throw wrongAnswer() }
    return result
  }

  func rerank(_ request: RerankRequest) async throws(AtelierError) -> RerankResult {
    guard case .reranked(_, let result) = try await ask({ .rerank(id: $0, request) }),
      result.scores.count == request.documents.count
    else { throw wrongAnswer() }
    return result
  }

  func countTokens(_ request: EngineRequest) async throws(AtelierError) -> Int {
    guard case .counted(_, let tokens) = try await ask({ .countTokens(id: $0, request) }) else { throw wrongAnswer() }
    return tokens
  }

  func shutdown() async {
    let requests = state.withLock { state -> [Request]? in
      state.wasAsked = true
      guard state.phase != .gone, state.phase != .stopping else { return nil }
      state.phase = .stopping
      defer { state.requests = [:] }
      return Array(state.requests.values)
    }
    if let requests {
      end(requests, .modelUnloaded, .modelUnloaded)
      send(.shutdown)
    }
    let timer = Task { [timing] in
      if (try? await Task.sleep(for: timing.stop)) != nil { kill("it did not stop in time") }
    }
    _ = await waitUntilGone()
    timer.cancel()
  }

  func waitUntilGone() async -> Bool {
    await withCheckedContinuation { continuation in
      let answer = state.withLock { state -> Bool? in
        if state.phase == .gone { return state.wasAsked }
        state.waiters.append(continuation)
        return nil
      }
      if let answer { continuation.resume(returning: answer) }
    }
  }

  /// Sends a command that one report answers, and waits for that.
  private func ask(_ make: (UInt64) -> WorkerCommand) async throws(AtelierError) -> WorkerReport {
    let id = nextID()
    let command = make(id)
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { begin(id, .asking($0), command) }
    } onCancel: {
      cancel(id)
    }
    return try result.get()
  }

  /// The answer is none to what was asked, so nothing that the worker says can be believed.
  private func wrongAnswer() -> AtelierError {
    kill("it broke the protocol: an answer does not fit its request")
    return .engineDied
  }

  private func nextID() -> UInt64 {
    state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
  }

  private func begin(_ id: UInt64, _ request: Request, _ command: WorkerCommand) {
    // Bytes are made by the caller's thread, not under the lock and not on the queue.
    let frame: [UInt8]
    do {
      frame = try command.encoded()
    } catch {
      return end([request], AtelierError(.requestTooLarge, "The request is too large for the engine."), .failed)
    }
    let refusal = state.withLock { state -> AtelierError? in
      switch state.phase {
      case .ready:
        if Task.isCancelled { return .requestCancelled }
        state.requests[id] = request
        // Within the lock, so that a cancellation cannot overtake its request.
        write(frame)
        return nil
      case .stopping: return .modelUnloaded
      case .starting, .loading, .gone: return .engineDied
      }
    }
    if let refusal { end([request], refusal, .failed) }
  }

  /// The consumer of a request has gone.
  private func cancel(_ id: UInt64) {
    guard let request = state.withLock({ $0.requests.removeValue(forKey: id) }) else { return }
    send(.cancel(id: id))
    if case .streaming(let stream) = request { stream.buffer.end() } else { end([request], .requestCancelled, .failed) }
  }

  /// Answers requests that are no longer in the table.
  private func end(_ requests: [Request], _ error: AtelierError, _ reason: FinishReason) {
    for request in requests {
      switch request {
      case .accepting(let continuation, _, _): continuation.resume(returning: .failure(error))
      case .asking(let continuation): continuation.resume(returning: .failure(error))
      case .streaming(let stream):
        for event in stream.trace.withRecord({ $0.end(error, reason) }) { _ = stream.buffer.push(event) }
        stream.buffer.end()
      }
    }
  }

  // MARK: The worker's thread

  private func run() {
    do throws(AtelierError) {
      try peer.start()
      receive()
    } catch {
      state.withLock { $0.verdict = "it could not be started" }
    }
    channel.close()
    ended(peer.reap())
  }

  private func receive() {
    do throws(FrameError) {
      while let frame = try channel.receive() {
        guard handle(try WorkerReport(frame: frame)) else { return }
      }
    } catch {
      state.withLock { $0.verdict = $0.verdict ?? "it broke the protocol: \(error)" }
    }
  }

  /// False when the conversation is over.
  private func handle(_ report: WorkerReport) -> Bool {
    let now = clock.now
    state.withLock { $0.monitor.heard(now: now) }
    switch report {
    case .hello(let version):
      guard version == WorkerProtocol.version else {
        state.withLock { $0.verdict = "it speaks protocol version \(version), not \(WorkerProtocol.version)" }
        return false
      }
      let load = state.withLock { state in
        if state.phase == .starting { state.phase = .loading }
        state.deadline?.began(now: now)
        defer { state.load = nil }
        return state.load
      }
      if let load { send(.load(load)) }
    case .loadProgress(let progress):
      let report = state.withLock { state in
        state.deadline?.progressed(now: now)
        return state.progress
      }
      report?(min(max(progress, 0), 1))
    case .loaded(let properties):
      let loading = state.withLock { state in
        if state.phase == .loading {
          state.phase = .ready
          state.longestAnswer = min(properties.contextLength, state.askedContext) + Self.contextLeeway
        }
        state.deadline = nil
        state.progress = nil
        defer { state.loading = nil }
        return state.loading
      }
      loading?.resume(returning: .success(properties))
    case .loadFailed(let error):
      let loading = state.withLock { state in
        defer { state.loading = nil }
        return state.loading
      }
      loading?.resume(returning: .failure(error))
      return false
    case .accepted(let id): accepted(id)
    case .rejected(let id, let error):
      if let request = state.withLock({ $0.requests.removeValue(forKey: id) }) { end([request], error, .failed) }
    case .events(let events, let tokens):
      let moment = ContinuousClock.now
      for entry in tokens { note(entry, moment) }
      for entry in events { forward(entry) }
    case .embedded(let id, _), .reranked(let id, _), .counted(let id, _): answered(id, report)
    case .pong(_, let worker): state.withLock { $0.monitor.heard(worker, now: now) }
    }
    return true
  }

  private func accepted(_ id: UInt64) {
    let accepted = state.withLock {
      state -> (CheckedContinuation<Result<EventBuffer, AtelierError>, Never>, EventBuffer)? in
      guard case .accepting(let continuation, let limit, let trace)? = state.requests[id] else { return nil }
      let buffer = EventBuffer(byteLimit: limit)
      let moment = ContinuousClock.now
      trace.withRecord { $0.accept(now: moment) }
      state.requests[id] = .streaming(Stream(buffer: buffer, trace: trace, accepted: clock.now))
      return (continuation, buffer)
    }
    guard let (continuation, buffer) = accepted else { return send(.cancel(id: id)) }
    continuation.resume(returning: .success(buffer))
  }

  private func answered(_ id: UInt64, _ report: WorkerReport) {
    let asking = state.withLock { state -> CheckedContinuation<Result<WorkerReport, AtelierError>, Never>? in
      guard case .asking(let continuation)? = state.requests[id] else { return nil }
      state.requests[id] = nil
      return continuation
    }
    asking?.resume(returning: .success(report))
  }

  private func note(_ entry: PredictionTokens, _ moment: ContinuousClock.Instant) {
    let (request, limit) = state.withLock { ($0.requests[entry.id], $0.longestAnswer) }
    guard case .streaming(let stream)? = request else { return }
    let isPossible = stream.trace.withRecord { record in
      guard entry.tokens.count <= limit - record.tokenCount else { return entry.tokens.isEmpty }
      record.add(tokens: entry.tokens, logprobs: entry.logprobs, draws: entry.draws, now: moment)
      return true
    }
    if !isPossible { kill("it reported more tokens of an answer than its context holds") }
  }

  private func forward(_ entry: PredictionEvent) {
    // Under the lock, so that a cancellation or the end of the worker comes before or after the event, not in between.
    let (falling, isPossible) = state.withLock { state -> (Request?, Bool) in
      guard case .streaming(var stream)? = state.requests[entry.id] else { return (nil, true) }
      if !stream.hasBegun {
        stream.hasBegun = true
        state.requests[entry.id] = .streaming(stream)
      }
      guard stream.trace.withRecord({ $0.admits(entry.event) }) else { return (nil, false) }
      let (news, isFinished) = stream.trace.withRecord { ($0.add(entry.event), $0.isFinished) }
      let keepsUp = news.map { stream.buffer.push($0) } ?? true
      if isFinished {
        stream.buffer.end()
        state.requests[entry.id] = nil
      }
      return (isFinished || keepsUp ? nil : state.requests.removeValue(forKey: entry.id), true)
    }
    if !isPossible { kill("it said more of an answer than its tokens can be") }
    if let falling {
      send(.cancel(id: entry.id))
      end([falling], AtelierError(.cancelled, "The client did not read its answer."), .failed)
    }
  }

  private func ended(_ status: String) {
    let (state, asked) = self.state.withLock { state in
      let before = state
      state.phase = .gone
      state.requests = [:]
      state.waiters = []
      state.loading = nil
      state.progress = nil
      return (before, state.wasAsked)
    }
    let why = state.verdict ?? "it ended by itself"
    logger.log(
      level: asked ? .debug : .error, "worker gone", metadata: ["reason": "\(why)", "status": "\(status)"])
    state.loading?.resume(
      returning: .failure(
        AtelierError(.modelLoadFailed, "The engine process ended while loading the model (\(status)).")))
    for request in state.requests.values { leave(request, wasAlone: state.requests.count == 1) }
    for waiter in state.waiters { waiter.resume(returning: asked) }
  }

  /// The worker is gone. A stream that has no end yet simply stops, and its trace says why: another worker may go on.
  private func leave(_ request: Request, wasAlone: Bool) {
    switch request {
    case .streaming(let stream):
      stream.trace.withRecord { $0.died(wasAlone: wasAlone) }
      stream.buffer.end()
    case .accepting(_, _, let trace):
      trace.withRecord { $0.died(wasAlone: wasAlone) }
      end([request], .engineDied, .failed)
    case .asking: end([request], .engineDied, .failed)
    }
  }

  // MARK: Watching and writing

  /// Asks after the worker at intervals until it is gone.
  private func watch() async {
    var number: UInt64 = 0
    while true {
      try? await Task.sleep(for: timing.pingInterval)
      let now = clock.now
      let (gone, verdict, late) = state.withLock { state in
        let slept = state.monitor.slept(now: now)
        state.deadline?.extend(by: slept)
        let isBusy = !state.requests.isEmpty || state.phase == .loading
        return (
          state.phase == .gone, state.monitor.check(isBusy: isBusy, now: now),
          state.deadline?.isOver(now: now) ?? false
        )
      }
      if gone { return }
      if late { kill("it did not load in time") }
      endWaits(now: now)
      switch verdict {
      case .silent: kill("it was silent for \(timing.silence)")
      case .stalled: kill("its engine made no step for \(timing.stall)")
      case .alive:
        number += 1
        send(.ping(number))
      }
    }
  }

  /// Requests that waited too long for their turn are refused.
  private func endWaits(now: Duration) {
    let late = state.withLock { state in
      let ids = state.requests.compactMap { id, request in
        if case .streaming(let stream) = request, !stream.hasBegun, now - stream.accepted >= timing.queue {
          id
        } else {
          nil
        }
      }
      return ids.compactMap { id in state.requests.removeValue(forKey: id).map { (id, $0) } }
    }
    for (id, request) in late {
      send(.cancel(id: id))
      let error = AtelierError(
        .serverBusy, "The model was busy with other requests for too long. Try again later.", retryAfter: 10)
      end([request], error, .failed)
    }
  }

  private func kill(_ reason: String) {
    state.withLock { $0.verdict = $0.verdict ?? reason }
    peer.kill()
    channel.close()
  }

  private func send(_ command: WorkerCommand) {
    guard let frame = try? command.encoded() else { return kill("a command could not be encoded") }
    write(frame)
  }

  private func write(_ frame: [UInt8]) {
    writing.async { [self] in
      do throws(FrameError) {
        try channel.send(frame)
      } catch {
        // The reader sees the end of the channel and answers whoever waits.
        state.withLock { $0.verdict = $0.verdict ?? "it takes no commands: \(error)" }
        peer.kill()
      }
    }
  }
}
