import AtelierAPI
import AtelierCore
import AtelierRuntime
import HTTPTypes
import HummingbirdCore
import NIOCore

/// Answers every route that generates: body in, one dialect's request, events, one dialect's answer out, streamed or
/// whole. A whole answer is the fold of the same events.
struct GenerationRoute<D: Dialect>: RouteHandler {
  let generation: any GenerationServing
  let body: BodyReader
  let eventStreamType: String
  let seal: ReasoningSeal?
  /// Where clients find their running answers to end them.
  let running: RunningAnswers?

  var endsWithClient: Bool { true }

  init(
    _ dialect: D.Type, generation: any GenerationServing, body: BodyReader,
    eventStreamType: String = "text/event-stream; charset=utf-8", seal: ReasoningSeal? = nil,
    running: RunningAnswers? = nil
  ) {
    self.generation = generation
    self.body = body
    self.eventStreamType = eventStreamType
    self.seal = seal
    self.running = running
  }

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    try await answer(try await body.readJSON(request.request, exchange), exchange)
  }

  /// Answers a request whose body was read.
  func answer(_ value: JSONValue, _ exchange: Exchange) async throws {
    let decoded = try D.decode(value, stamp: .now(requestID: exchange.requestID, seal: seal))
    var streams: [AsyncStream<GenerationEvent>] = []
    for var request in decoded.requests {
      request.client = exchange.client
      request.caller = exchange.caller
      streams.append(try await begin(request, decoded.context))
    }
    let context = decoded.context
    try await withTaskExecutorPreference(exchange.executor) {
      if context.isStreaming {
        try await stream(streams, context, exchange)
      } else {
        let answers = try await Self.answers(streams)
        try await exchange.send(D.body(of: answers, in: context))
      }
    }
  }

  private func begin(
    _ request: GenerationRequest, _ context: D.Context
  ) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    do throws(AtelierError) {
      return try await generation.generate(request)
    } catch {
      guard context.isStreaming, D.opensStream(for: error) else { throw error }
      return Self.failed(error)
    }
  }

  private static func failed(_ error: AtelierError) -> AsyncStream<GenerationEvent> {
    let (events, source) = AsyncStream.makeStream(of: GenerationEvent.self)
    source.yield(.failed(error))
    source.yield(.finished(GenerationResult(finishReason: .failed)))
    source.finish()
    return events
  }

  // MARK: Whole answers

  private static func answers(_ streams: [AsyncStream<GenerationEvent>]) async throws -> [Answer] {
    try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
      for (choice, events) in streams.enumerated() { group.addTask { (choice, try await answer(events)) } }
      var answers = [Answer?](repeating: nil, count: streams.count)
      for try await (choice, answer) in group { answers[choice] = answer }
      return answers.compactMap(\.self)
    }
  }

  private static func answer(_ events: AsyncStream<GenerationEvent>) async throws -> Answer {
    var fold = EventFold()
    for await event in events {
      if case .failed(let error) = event { throw error }
      fold.add(event)
    }
    try Task.checkCancellation()
    guard let answer = Answer(fold) else { throw AtelierError(.internalError, "The answer ended too early.") }
    return answer
  }

  // MARK: Streamed answers

  private func stream(_ streams: [AsyncStream<GenerationEvent>], _ context: D.Context, _ exchange: Exchange)
    async throws
  {
    let mailbox = StreamMailbox(
      D.encoder(for: context), choices: streams.count,
      timer: StreamTimer(keepAlive: .seconds(D.keepAliveSeconds), now: .now),
      opensFor: D.opensStream)
    guard let running, let name = context.cancellationID else { return try await write(streams, mailbox, exchange) }
    running.add(name, Self.running(mailbox, context, exchange.caller))
    defer { running.remove(name) }
    try await write(streams, mailbox, exchange)
  }

  private static func running(_ mailbox: StreamMailbox<D.Encoder>, _ context: D.Context, _ caller: Caller)
    -> RunningAnswers.Entry
  {
    RunningAnswers.Entry(
      owner: caller.tokenID,
      body: { D.body(of: [Answer(result: GenerationResult(finishReason: .userStopped))], in: context) },
      stop: { mailbox.stop() })
  }

  private func write(
    _ streams: [AsyncStream<GenerationEvent>], _ mailbox: StreamMailbox<D.Encoder>, _ exchange: Exchange
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (choice, events) in streams.enumerated() {
        group.addTask { await mailbox.pass(events, choice: choice) }
      }
      group.addTask { try await Self.keepTime(mailbox) }
      defer { group.cancelAll() }
      switch await mailbox.opening() {
      case .refused(let error): throw error
      case .cancelled: throw CancellationError()
      case .open: break
      }
      var writer = try await exchange.begin(headers: [
        .contentType: eventStreamType, .cacheControl: "no-cache",
      ])
      while let bytes = await mailbox.next() {
        try await writer.write(ByteBuffer(bytes: bytes))
        mailbox.writeEnded()
      }
      try Task.checkCancellation()
      try await writer.finish(nil)
    }
  }

  private static func keepTime(_ mailbox: StreamMailbox<D.Encoder>) async throws {
    while true {
      let now = ContinuousClock.now
      switch mailbox.timerAction(at: now) {
      case .wait(let deadline): try await Task.sleep(until: deadline, clock: .continuous)
      case .keepAlive: mailbox.keepAlive(at: now)
      }
    }
  }
}
