import AtelierCore
import AtelierEngine
import AtelierWorkerProtocol
import Foundation

/// Turns engine steps into `events` reports, one per step for all sequences, on a thread of its own.
///
/// Everything comes through one bounded queue, so a sequence's pipeline exists before its first step, and `accepted` leaves
/// before its first event. Only that thread touches the pipelines. The engine's thread waits here only when the stage is
/// far behind, which means that nobody reads our reports.
final class OutputStage: Sendable {
  private enum Item: Sendable {
    case open(id: UInt64, AnswerSoFar?, make: @Sendable () -> OutputPipeline)
    case accept(id: UInt64)
    case discard(id: UInt64)
    case step(StepOutput, now: Double)
  }

  private static let maxItems = 4096
  private static let maxEntries = 1 << 16
  /// Longer than a send on the channel may take, so that the channel's failure is what ends the worker.
  private static let patience = 60.0

  private let queue = BoundedQueue<Item>(capacity: maxItems, maxCost: maxEntries)
  private let overrun: @Sendable () -> Void

  /// `overrun` is called when the stage stays full.
  init(overrun: @escaping @Sendable () -> Void) { self.overrun = overrun }

  /// Once. `send` may block; `cancel` ends a sequence whose answer is complete.
  func start(send: @escaping @Sendable (WorkerReport) -> Void, cancel: @escaping @Sendable (UInt64) -> Void) {
    let queue = queue
    WorkerThread.start("output") {
      var outputs = Outputs(send: send, cancel: cancel)
      while let item = queue.take() {
        switch item {
        case .open(let id, let soFar, let make): outputs.open(id, make(), soFar)
        case .accept(let id): outputs.accept(id)
        case .discard(let id): outputs.discard(id)
        case .step(let step, let now): outputs.add(step, now: now)
        }
      }
    }
  }

  deinit { queue.close() }

  /// Before the sequence is submitted. `make` runs on the stage's thread. `soFar`: what another engine has said already.
  func open(id: UInt64, soFar: AnswerSoFar?, make: @escaping @Sendable () -> OutputPipeline) {
    put(.open(id: id, soFar, make: make))
  }

  /// The engine took the sequence.
  func accept(id: UInt64) { put(.accept(id: id)) }

  /// The engine refused the sequence.
  func discard(id: UInt64) { put(.discard(id: id)) }

  /// From the engine's thread, in order.
  func add(_ step: StepOutput) { put(.step(step, now: MonotonicClock.seconds), cost: max(1, step.entries.count)) }

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
private struct Outputs {
  private struct Output {
    var pipeline: OutputPipeline
    var accepted = false
    /// What was generated already was a whole answer, so nothing can be added to it.
    var isOver = false
  }

  private let send: @Sendable (WorkerReport) -> Void
  private let cancel: @Sendable (UInt64) -> Void
  private var outputs: [UInt64: Output] = [:]
  private var events: [PredictionEvent] = []
  private var tokens: [PredictionTokens] = []
  private var produced: [GenerationEvent] = []

  init(send: @escaping @Sendable (WorkerReport) -> Void, cancel: @escaping @Sendable (UInt64) -> Void) {
    self.send = send
    self.cancel = cancel
  }

  mutating func open(_ id: UInt64, _ pipeline: OutputPipeline, _ soFar: AnswerSoFar?) {
    var output = Output(pipeline: pipeline)
    if let soFar { output.isOver = output.pipeline.resume(soFar) != .proceed }
    outputs[id] = output
  }

  mutating func discard(_ id: UInt64) { outputs[id] = nil }

  mutating func accept(_ id: UInt64) {
    guard let output = outputs[id], !output.accepted else { return }
    guard !output.isOver else {
      outputs[id] = nil
      cancel(id)
      return send(
        .rejected(id: id, AtelierError(.generationFailed, "The answer cannot be continued. Ask for it again.")))
    }
    outputs[id]?.accepted = true
    send(.accepted(id: id))
  }

  mutating func add(_ step: StepOutput, now: Double) {
    for entry in step.entries where outputs[entry.id] != nil {
      // A step may be faster than the thread that submitted the sequence.
      accept(entry.id)
      handle(entry, now: now)
    }
    guard !events.isEmpty || !tokens.isEmpty else { return }
    send(.events(events, tokens: tokens))
    events.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
  }

  private mutating func handle(_ entry: StepOutput.Entry, now: Double) {
    let action = outputs[entry.id]?.pipeline.handle(entry.event, now: now, into: &produced)
    for event in produced { events.append(PredictionEvent(id: entry.id, event: event)) }
    produced.removeAll(keepingCapacity: true)
    if case .token(let token, let probability, let draws) = entry.event, action != nil {
      let logprob = probability == nil ? nil : outputs[entry.id]?.pipeline.lastLogprob
      tokens.append(
        PredictionTokens(id: entry.id, tokens: [token], logprobs: logprob.map { [$0] } ?? [], draws: draws))
    }
    switch action {
    case .cancelSequence:
      cancel(entry.id)
      outputs[entry.id] = nil
    case .done:
      if let text = outputs[entry.id]?.pipeline.failureText {
        WorkerLog.error("prediction \(entry.id) failed: \(text)")
      }
      outputs[entry.id] = nil
    case .proceed, nil: break
    }
  }
}
