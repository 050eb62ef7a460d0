import AtelierCore
import AtelierWorkerProtocol
import Foundation
import Synchronization

@testable import AtelierRuntime

/// A worker without a process: a thread at the other end of a real socket pair that speaks the protocol as told.
final class FakeWorker: WorkerPeer {
  typealias Script = @Sendable (WorkerCommand, FakeWorker) -> Void

  let channel: FrameChannel
  private let script: Script
  private let received = Mutex<[WorkerCommand]>([])
  private let finished = DispatchSemaphore(value: 0)
  private let greeting: WorkerReport

  init(descriptor: Int32, greeting: WorkerReport = .hello(version: WorkerProtocol.version), script: @escaping Script) {
    channel = FrameChannel(descriptor: descriptor, side: .worker)
    self.greeting = greeting
    self.script = script
  }

  var commands: [WorkerCommand] { received.withLock { $0 } }

  func report(_ report: WorkerReport) { if let frame = try? report.encoded() { try? channel.send(frame) } }

  func events(_ id: UInt64, _ events: [GenerationEvent]) {
    report(.events(events.map { PredictionEvent(id: id, event: $0) }))
  }

  /// One engine step: these tokens, and what came of them.
  func step(_ id: UInt64, tokens: [Int32], draws: Int = 0, _ events: [GenerationEvent]) {
    report(
      .events(
        events.map { PredictionEvent(id: id, event: $0) },
        tokens: [PredictionTokens(id: id, tokens: tokens, draws: draws)]))
  }

  func start() throws(AtelierError) {
    Thread.detachNewThread { [self] in
      report(greeting)
      while let frame = try? channel.receive(), let command = try? WorkerCommand(frame: frame) {
        received.withLock { $0.append(command) }
        script(command, self)
        if case .shutdown = command { break }
      }
      channel.close()
      finished.signal()
    }
  }

  func kill() { channel.close() }

  func reap() -> String {
    channel.close()
    return finished.wait(timeout: .now() + 30) == .success ? "exit status 0" : "stuck"
  }

  static let properties = EngineProperties(
    contextLength: 64, embeddingLength: 2, vocabularySize: 10, architecture: "llama", hasVision: false,
    hasChatTemplate: true, parameterCount: 1, memoryBytes: 1)

  /// Loads, and answers predictions as `predict` says.
  static func serving(_ predict: @escaping @Sendable (UInt64, FakeWorker) -> Void) -> Script {
    { command, worker in
      switch command {
      case .load:
        worker.report(.loadProgress(0))
        worker.report(.loadProgress(1))
        worker.report(.loaded(properties))
      case .predict(let id, _): predict(id, worker)
      case .embed(let id, let request):
        worker.report(
          .embedded(id: id, EmbeddingResult(vectors: request.inputs.map { _ in [0, 1] }, promptTokens: 3)))
      case .rerank(let id, let request):
        worker.report(
          .reranked(id: id, RerankResult(scores: request.documents.map { Float($0.count) }, promptTokens: 3)))
      case .countTokens(let id, _): worker.report(.counted(id: id, tokens: 11))
      case .ping(let number): worker.report(.pong(number, WorkerState(running: 0, waiting: 0, steps: 0)))
      case .cancel, .shutdown: break
      }
    }
  }
}
