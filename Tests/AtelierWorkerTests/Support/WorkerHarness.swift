import AtelierCore
import AtelierTesting
import AtelierWorker
import AtelierWorkerProtocol
import Foundation
import Testing

/// A worker session in this process, spoken to over a real socket pair. All blocking happens on threads, since the session
/// and the tests share one pool.
final class WorkerHarness {
  let channel: FrameChannel
  /// Everything received so far.
  private(set) var reports: [WorkerReport] = []
  private var incoming: AsyncThrowingStream<WorkerReport, any Error>.Iterator
  private var status: AsyncStream<Int32>.Iterator

  init(load: @escaping WorkerSession.Load) throws {
    let (server, worker) = try SocketPair.make()
    let channel = FrameChannel(descriptor: server, side: .server)
    self.channel = channel
    let (codes, code) = AsyncStream.makeStream(of: Int32.self)
    status = codes.makeAsyncIterator()
    let (stream, reports) = AsyncThrowingStream.makeStream(of: WorkerReport.self)
    incoming = stream.makeAsyncIterator()
    Thread {
      code.yield(WorkerSession(channel: FrameChannel(descriptor: worker, side: .worker), load: load).run())
      code.finish()
    }.start()
    Thread {
      do {
        while let frame = try channel.receive() { reports.yield(try WorkerReport(frame: frame)) }
        reports.finish()
      } catch {
        reports.finish(throwing: error)
      }
    }.start()
  }

  static func loaded(
    _ backend: EchoBackend, kind: ModelKind = .llm, parallel: Int = 4
  ) async throws -> WorkerHarness {
    let worker = try WorkerHarness { (_, _) throws(AtelierError) in backend }
    try worker.load(kind: kind, parallel: parallel)
    _ = try await worker.receive { if case .loaded = $0 { true } else { false } }
    return worker
  }

  deinit { channel.close() }

  func load(kind: ModelKind = .llm, parallel: Int = 4) throws {
    try send(
      .load(
        EngineLoad(
          kind: kind, files: ["/m"], projector: nil,
          configuration: LoadConfiguration(contextLength: 4096, parallel: parallel))))
  }

  func send(_ command: WorkerCommand) throws { try channel.send(command.encoded()) }

  func predict(_ id: UInt64, _ text: String, configure: (inout EngineRequest) -> Void = { _ in }) throws {
    var request = EngineRequest(input: .chat([Message(.user, text)]), sampling: Self.greedy)
    configure(&request)
    try send(.predict(id: id, request))
  }

  /// nil when the worker is gone.
  func next() async throws -> WorkerReport? {
    guard let report = try await incoming.next() else { return nil }
    reports.append(report)
    return report
  }

  /// Receives until a report satisfies the condition, and returns that one.
  func receive(until condition: (WorkerReport) -> Bool) async throws -> WorkerReport {
    while let report = try await next() {
      if condition(report) { return report }
    }
    throw AtelierError(.engineDied, "the worker is gone; last: \(String(describing: reports.last))")
  }

  /// Receives until all these predictions have ended or were refused.
  func receiveEnds(of ids: Set<UInt64>) async throws {
    var open = ids
    while !open.isEmpty {
      switch try await receive(until: { _ in true }) {
      case .events(let events, _):
        for entry in events { if case .finished = entry.event { open.remove(entry.id) } }
      case .rejected(let id, _): open.remove(id)
      default: break
      }
    }
  }

  /// The answer's events, checked against the contract.
  func answer(_ id: UInt64) async throws -> (events: [GenerationEvent], result: GenerationResult) {
    try await receiveEnds(of: [id])
    return try events(of: id)
  }

  func events(of id: UInt64) throws -> (events: [GenerationEvent], result: GenerationResult) {
    let events = reports.flatMap { report -> [GenerationEvent] in
      guard case .events(let entries, _) = report else { return [] }
      return entries.filter { $0.id == id }.map(\.event)
    }
    #expect(EventContract.violations(in: events) == [])
    guard case .finished(let result)? = events.last else {
      throw AtelierError(.internalError, "no end: \(events); \(reports.suffix(3))")
    }
    let accepted = reports.firstIndex(of: .accepted(id: id))
    let firstEvent = reports.firstIndex {
      if case .events(let entries, _) = $0 { entries.contains { $0.id == id } } else { false }
    }
    #expect(try #require(accepted) < firstEvent!)
    return (events, result)
  }

  func rejection(_ id: UInt64) async throws -> AtelierError {
    let report = try await receive { if case .rejected(id, _) = $0 { true } else { false } }
    guard case .rejected(_, let error) = report else { throw AtelierError(.internalError, "unreachable") }
    return error
  }

  /// The exit status; waits for the end of the session.
  func exitStatus() async -> Int32? { await status.next() }

  static let greedy = SamplingParameters(
    temperature: 0, topP: 1, topK: 0, minP: 0, repeatPenalty: 1, presencePenalty: 0, frequencyPenalty: 0)
}

extension [GenerationEvent] {
  var messageDeltas: [String] {
    compactMap { event -> String? in if case .messageDelta(let text, _) = event { text } else { nil } }
  }

  var logprobs: [TokenLogprob] {
    flatMap { event -> [TokenLogprob] in if case .messageDelta(_, let tokens) = event { tokens } else { [] } }
  }
}
