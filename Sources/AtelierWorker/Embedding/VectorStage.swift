import AtelierCore
import AtelierEngine
import AtelierWorkerProtocol
import Foundation

/// Gathers the vectors of embedding and rerank requests from engine steps and sends each request's answer, on a thread of
/// its own. As in `OutputStage`, everything comes through one bounded queue, so a request is known here before its first
/// step, and the engine's thread waits only when nobody reads our reports.
final class VectorStage: Sendable {
  private enum Item: Sendable {
    case open(id: UInt64, PoolingJob)
    case discard(id: UInt64)
    case step(StepOutput)
  }

  private static let maxItems = 4096
  /// Numbers of the vectors that wait.
  private static let maxNumbers = WorkerProtocol.maxEmbeddingNumbers
  /// Longer than a send on the channel may take, so that the channel's failure is what ends the worker.
  private static let patience = 60.0

  private let queue = BoundedQueue<Item>(capacity: maxItems, maxCost: maxNumbers)
  private let overrun: @Sendable () -> Void

  /// `overrun` is called when the stage stays full.
  init(overrun: @escaping @Sendable () -> Void) { self.overrun = overrun }

  deinit { queue.close() }

  /// Once. `send` may block; `cancel` ends a request whose answer has been sent already.
  func start(send: @escaping @Sendable (WorkerReport) -> Void, cancel: @escaping @Sendable (UInt64) -> Void) {
    let queue = queue
    WorkerThread.start("vectors") {
      var gathering = Gathering(send: send, cancel: cancel)
      while let item = queue.take() {
        switch item {
        case .open(let id, let job): gathering.open(id, job)
        case .discard(let id): gathering.discard(id)
        case .step(let step): gathering.add(step)
        }
      }
    }
  }

  /// Before the request is submitted.
  func open(id: UInt64, _ job: PoolingJob) { put(.open(id: id, job)) }

  /// The engine refused the request.
  func discard(id: UInt64) { put(.discard(id: id)) }

  /// From the engine's thread, in order.
  func add(_ step: StepOutput) {
    let numbers = step.entries.reduce(1) { sum, entry in
      if case .pooled(_, let vector) = entry.event { sum + vector.count } else { sum }
    }
    put(.step(step), cost: numbers)
  }

  /// What was added is still sent.
  func close() { queue.close() }

  private func put(_ item: Item, cost: Int = 1) {
    guard !queue.put(item, cost: cost, before: Date(timeIntervalSinceNow: Self.patience)), !queue.isClosed else {
      return
    }
    overrun()
  }
}

/// The state of the stage's thread.
private struct Gathering {
  private struct Answer {
    var job: PoolingJob
    var vectors: [[Float]]
  }

  private let send: @Sendable (WorkerReport) -> Void
  private let cancel: @Sendable (UInt64) -> Void
  private var answers: [UInt64: Answer] = [:]

  init(send: @escaping @Sendable (WorkerReport) -> Void, cancel: @escaping @Sendable (UInt64) -> Void) {
    self.send = send
    self.cancel = cancel
  }

  mutating func open(_ id: UInt64, _ job: PoolingJob) {
    answers[id] = Answer(job: job, vectors: Array(repeating: [], count: job.inputs.count))
  }

  mutating func discard(_ id: UInt64) { answers[id] = nil }

  mutating func add(_ step: StepOutput) {
    for entry in step.entries where answers[entry.id] != nil {
      switch entry.event {
      case .pooled(let input, let vector): take(vector, input, of: entry.id)
      case .finished(let end): finish(entry.id, end)
      case .prompt, .scored, .token: break
      }
    }
  }

  private mutating func take(_ vector: [Float], _ input: Int, of id: UInt64) {
    // JSON has no word for such numbers, and a client could not compute with them.
    guard !vector.isEmpty, vector.allSatisfy(\.isFinite) else {
      let param = answers.removeValue(forKey: id)?.job.param(input)
      cancel(id)
      return send(
        .rejected(
          id: id, AtelierError(.generationFailed, "The model gave no numbers for '\(param ?? "")'.", param: param)))
    }
    answers[id]?.vectors[input] = vector
  }

  private mutating func finish(_ id: UInt64, _ end: SequenceEnd) {
    guard let answer = answers.removeValue(forKey: id) else { return }
    switch end {
    case .endOfText: send(answer.job.report(answer.vectors))
    case .waitedTooLong:
      send(
        .rejected(
          id: id,
          AtelierError(
            .serverBusy, "The request waited too long for its turn. Try again later.", retryAfter: 5)))
    case .cancelled: send(.rejected(id: id, .requestCancelled))
    case .failed(let message):
      WorkerLog.error("request \(id) failed: \(message)")
      fallthrough
    case .maxTokens, .contextFull:
      send(.rejected(id: id, AtelierError(.generationFailed, "The engine could not compute the inputs.")))
    }
  }
}
