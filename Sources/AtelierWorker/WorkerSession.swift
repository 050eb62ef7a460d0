import AtelierCore
import AtelierWorkerProtocol
import Foundation
import Synchronization

/// The worker's life, from `hello` to the end of the socket.
///
/// The thread that calls `run` reads commands and answers pings; it never computes, so a worker whose heartbeat fails is
/// frozen and not busy. Loading, prompts, the engine and its output have threads of their own.
package final class WorkerSession: Sendable {
  /// Blocking. `progress` takes 0…1 from any thread, in any order.
  package typealias Load =
    @Sendable (
      _ load: EngineLoad, _ progress: @escaping @Sendable (Double) -> Void
    ) throws(AtelierError) -> any ModelBackend

  private enum Phase: Sendable {
    case waiting, loading
    case ready(LoadedModel)
    case ended
  }

  /// Freeing a context waits for the step under way; the process's end frees it anyway.
  private static let shutdownSeconds = 5.0

  private let channel: FrameChannel
  private let load: Load
  private let phase = Mutex(Phase.waiting)
  private let failed = Atomic(false)

  private let limitMemory: @Sendable (_ estimate: Int64) -> Void

  /// `limitMemory` is told before a load what the model is expected to take.
  package init(
    channel: FrameChannel, limitMemory: @escaping @Sendable (_ estimate: Int64) -> Void = { _ in },
    load: @escaping Load
  ) {
    self.channel = channel
    self.limitMemory = limitMemory
    self.load = load
  }

  /// Returns the exit status when the API process is gone (0), said `shutdown` (0), broke the protocol, or the load
  /// failed (1). Threads may still run: the process must end without waiting for them.
  package func run() -> Int32 {
    report(.hello(version: WorkerProtocol.version))
    do throws(FrameError) {
      while let frame = try channel.receive() {
        guard try handle(WorkerCommand(frame: frame), cost: frame.count) else { break }
      }
    } catch {
      WorkerLog.error("reading commands failed: \(error)")
      failed.store(true, ordering: .relaxed)
    }
    let last = phase.withLock { phase in
      defer { phase = .ended }
      return phase
    }
    if case .ready(let model) = last { model.shutdown(within: Self.shutdownSeconds) }
    channel.close()
    return failed.load(ordering: .relaxed) ? 1 : 0
  }

  /// False when the session is over.
  private func handle(_ command: WorkerCommand, cost: Int) throws(FrameError) -> Bool {
    switch command {
    case .load(let load): try begin(load)
    case .predict(let id, let request): withModel(id) { $0.predict(id: id, request, cost: cost) }
    case .embed(let id, let request): withModel(id) { $0.embed(id: id, request, cost: cost) }
    case .rerank(let id, let request): withModel(id) { $0.rerank(id: id, request, cost: cost) }
    case .countTokens(let id, let request): withModel(id) { $0.countTokens(id: id, request, cost: cost) }
    case .cancel(let id): model?.cancel(id: id)
    case .ping(let number):
      if let id = model?.stuckPrompt {
        // It cannot be stopped, and it holds a thread that other prompts need. This request is answered; the others are
        // given to the next worker.
        report(.rejected(id: id, .templateTooExpensive))
        WorkerLog.error("a prompt could not be stopped")
        failed.store(true, ordering: .relaxed)
        return false
      }
      report(.pong(number, model?.state ?? WorkerState(running: 0, waiting: 0, steps: 0)))
    case .shutdown: return false
    }
    return true
  }

  private var model: LoadedModel? {
    phase.withLock { if case .ready(let model) = $0 { model } else { nil } }
  }

  private func withModel(_ id: UInt64, _ body: (LoadedModel) -> Void) {
    if let model { return body(model) }
    report(.rejected(id: id, AtelierError(.modelNotLoaded, "The model is not loaded yet.", retryAfter: 1)))
  }

  private func begin(_ request: EngineLoad) throws(FrameError) {
    let isFirst = phase.withLock { phase in
      guard case .waiting = phase else { return false }
      phase = .loading
      return true
    }
    guard isFirst else { throw .malformed("a second load") }
    WorkerThread.start("load") { [self] in
      let progress = LoadProgress { self.report(.loadProgress($0)) }
      do throws(AtelierError) {
        progress.update(0)
        if let estimate = request.estimatedBytes { limitMemory(estimate) }
        let backend = try load(request) { progress.update($0) }
        Task { await finish(backend, request, progress) }
      } catch {
        end(error)
      }
    }
  }

  private func finish(_ backend: any ModelBackend, _ request: EngineLoad, _ progress: LoadProgress) async {
    do throws(AtelierError) {
      let model = try await LoadedModel(
        backend, load: request, send: { [self] in report($0) },
        overrun: { [self] in
          WorkerLog.error("reports are not read")
          failed.store(true, ordering: .relaxed)
          channel.close()
        })
      progress.update(1)
      let isWanted = phase.withLock { phase in
        guard case .loading = phase else { return false }
        phase = .ready(model)
        return true
      }
      guard isWanted else { return }
      report(.loaded(model.properties))
    } catch {
      end(error)
    }
  }

  private func end(_ error: AtelierError) {
    failed.store(true, ordering: .relaxed)
    report(.loadFailed(error))
    channel.close()
  }

  /// A report that cannot be sent ends the session: whoever waits for it would wait forever.
  private func report(_ report: WorkerReport) {
    do throws(FrameError) {
      try channel.send(report.encoded())
    } catch {
      if error != .closed {
        WorkerLog.error("sending a report failed: \(error)")
        failed.store(true, ordering: .relaxed)
      }
      channel.close()
    }
  }
}

/// Passes on load progress, never decreasing, in steps worth a frame.
private final class LoadProgress: Sendable {
  private static let smallestStep = 0.01

  private let last = Mutex<Double?>(nil)
  private let report: @Sendable (Double) -> Void

  init(_ report: @escaping @Sendable (Double) -> Void) { self.report = report }

  func update(_ progress: Double) {
    let value = min(1, max(0, progress.isNaN ? 0 : progress))
    // Reported under the lock, so that reports leave in order.
    last.withLock { last in
      guard last.map({ value >= $0 + Self.smallestStep || (value == 1 && $0 < 1) }) ?? true else { return }
      last = value
      report(value)
    }
  }
}
