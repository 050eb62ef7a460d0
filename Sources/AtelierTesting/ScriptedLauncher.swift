import AtelierCore
import Synchronization

/// Makes scripted engines. `hold()` makes loads wait until `open()`, so that a test decides what happens meanwhile; a load
/// that is cancelled ends at once.
package final class ScriptedLauncher: EngineLauncher {
  private struct State {
    var engines: [ScriptedEngine] = []
    var loads: [EngineLoad] = []
    var events: [GenerationEvent]?
    var failure: AtelierError?
    var holds: [Int] = []
    var isHeld = false
    var diesCounting = false
    var held: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  package init() {}

  /// In the order they were launched.
  package var engines: [ScriptedEngine] { state.withLock { $0.engines } }
  /// Loads begun, also those that failed or still wait.
  package var loads: [EngineLoad] { state.withLock { $0.loads } }

  /// What engines launched from now on answer.
  package func script(_ events: [GenerationEvent]) { state.withLock { $0.events = events } }
  /// Loads from now on fail; nil: succeed.
  package func fail(_ error: AtelierError?) { state.withLock { $0.failure = error } }
  /// The next engines wait after so many events of every answer, one number each.
  package func holdEngines(after events: [Int]) { state.withLock { $0.holds = events } }
  /// Engines launched from now on die when they count tokens, or do not.
  package func dieCounting(_ dies: Bool) { state.withLock { $0.diesCounting = dies } }
  package func hold() { state.withLock { $0.isHeld = true } }

  package func open() {
    let held = state.withLock { state in
      state.isHeld = false
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }

  package func launch(
    _ load: EngineLoad, progress: @escaping @Sendable (Double) -> Void
  ) async throws(AtelierError) -> any InferenceEngine {
    state.withLock { $0.loads.append(load) }
    progress(0)
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waits = state.withLock { state in
          let waits = state.isHeld && !Task.isCancelled
          if waits { state.held.append(continuation) }
          return waits
        }
        if !waits { continuation.resume() }
      }
    } onCancel: {
      let held = state.withLock { state in
        defer { state.held = [] }
        return state.held
      }
      for continuation in held { continuation.resume() }
    }
    if Task.isCancelled { throw AtelierError(.cancelled, "The load was cancelled.") }
    progress(1)
    let result = state.withLock { state -> Result<ScriptedEngine, AtelierError> in
      if let failure = state.failure { return .failure(failure) }
      let engine = ScriptedEngine(load: load, events: state.events)
      if state.diesCounting { engine.dieCounting() }
      if !state.holds.isEmpty { engine.hold(after: state.holds.removeFirst()) }
      state.engines.append(engine)
      return .success(engine)
    }
    return try result.get()
  }
}
