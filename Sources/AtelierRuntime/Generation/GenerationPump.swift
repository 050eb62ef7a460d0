import AtelierCore
import AtelierStore

/// One answer as a pulled stream: load, generation, storing, end. Everything happens in the consumer's task, so cancelling
/// that ends whatever is under way, and a consumer that goes away takes the lease and the generation with it.
actor GenerationPump {
  enum Stage {
    case loading(AsyncStream<LoadStep>.Iterator)
    case generating(AsyncStream<GenerationEvent>.Iterator, ModelLease)
    case ended
  }

  private let starter: GenerationStarter
  private var plan: GenerationPlan { starter.plan }
  private let store: ConversationStore
  private let clock: any RuntimeClock
  private var selection: InstanceSelection
  private var stage: Stage
  private var ready: [GenerationEvent]
  private var loadSeconds: Double?
  private var hasFailed = false

  init(
    _ starter: GenerationStarter, selection: InstanceSelection, stage: sending Stage, store: ConversationStore
  ) {
    self.starter = starter
    self.selection = selection
    self.stage = stage
    self.store = store
    clock = starter.clock
    ready = [.instanceSelected(selection)]
  }

  /// The next event; nil after `finished`, and when the consumer was cancelled.
  func next() async -> GenerationEvent? {
    while true {
      if !ready.isEmpty { return ready.removeFirst() }
      switch stage {
      case .ended: return nil
      // The iterators are handles on a shared stream: a copy of one reads on where the other stopped.
      case .loading(var steps):
        guard let step = await steps.next(isolation: self) else {
          stage = .ended
          return nil
        }
        await take(step)
      case .generating(var events, let lease):
        guard let event = await events.next(isolation: self) else {
          stage = .ended
          await lease.release()
          return nil
        }
        return await pass(event, lease)
      }
    }
  }

  private func take(_ step: LoadStep) async {
    switch step {
    case .started: ready.append(.loadStarted)
    case .progress(let value): ready.append(.loadProgress(value))
    case .failed(let error): fail(error)
    case .ready(let lease, let seconds):
      loadSeconds = seconds
      if let seconds { ready.append(.loadFinished(seconds: seconds)) }
      do throws(AtelierError) {
        let events = try await starter.start(on: lease)
        stage = .generating(events.makeAsyncIterator(), lease)
      } catch {
        await lease.release()
        fail(error)
      }
    }
  }

  private func fail(_ error: AtelierError) {
    stage = .ended
    let reason: FinishReason = error.code == .modelUnloaded ? .modelUnloaded : .failed
    let result = GenerationResult(
      instance: selection, finishReason: reason, timings: GenerationTimings(modelLoad: loadSeconds))
    ready += [.failed(error), .finished(result)]
  }

  private func pass(_ event: GenerationEvent, _ lease: ModelLease) async -> GenerationEvent {
    switch event {
    case .promptStarted: await lease.note(.processingPrompt)
    case .promptFinished: await lease.note(.generating)
    case .failed: hasFailed = true
    case .finished(var result):
      result.instance = lease.selection
      result.timings.modelLoad = loadSeconds
      let now = clock.wallMilliseconds
      result.completedAt = now
      if !hasFailed, let node = plan.node(result, modelKey: lease.model.key, now: now) {
        do throws(AtelierError) {
          try await store.append(node)
          result.responseID = node.id
        } catch {
          // The words are out, but the promise to remember them cannot be kept: the answer says so and carries no id.
          result.finishReason = .failed
          stage = .ended
          await lease.release()
          ready.append(.finished(result))
          return .failed(error)
        }
      }
      stage = .ended
      await lease.release()
      return .finished(result)
    default: break
    }
    return event
  }
}
