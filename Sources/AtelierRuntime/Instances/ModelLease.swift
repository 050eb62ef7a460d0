import AtelierCore
import AtelierModels
import Synchronization

/// The right to use an instance: while one exists, the instance is neither evicted nor expires.
///
/// Ends by `release`; a lease that is dropped without it ends a little later. When the instance's engine dies, `renew` turns
/// the lease into one on the instance that takes its part.
package final class ModelLease: Sendable {
  private struct Hold {
    var engine: any InferenceEngine
    var origin: RegistryState.Origin
    var id: UInt64
    var isReleased = false
  }

  package let selection: InstanceSelection
  package let model: ModelDescription
  let defaults: ModelDefaults
  private let registry: ModelRegistry
  private let hold: Mutex<Hold>

  init(
    id: UInt64, instance: RegistryState.Instance, engine: any InferenceEngine, registry: ModelRegistry
  ) {
    self.registry = registry
    let origin = RegistryState.Origin(
      number: instance.number, id: instance.id, plan: instance.plan, terms: instance.terms)
    hold = Mutex(Hold(engine: engine, origin: origin, id: id))
    selection = instance.plan.selection(instanceID: instance.id)
    model = instance.plan.model
    defaults = instance.plan.defaults
  }

  deinit {
    guard let (number, id) = end() else { return }
    Task { [registry] in await registry.release(lease: id, of: number) }
  }

  package var engine: any InferenceEngine { hold.withLock { $0.engine } }
  var number: UInt64 { hold.withLock { $0.origin.number } }

  package func release() async {
    guard let (number, id) = end() else { return }
    await registry.release(lease: id, of: number)
  }

  /// The instance and the lease's number there, the first time.
  private func end() -> (number: UInt64, id: UInt64)? {
    hold.withLock { hold in
      defer { hold.isReleased = true }
      return hold.isReleased ? nil : (hold.origin.number, hold.id)
    }
  }

  /// Shown in the list of instances.
  func note(_ activity: RegistryState.Activity) async {
    let (number, id) = hold.withLock { ($0.origin.number, $0.id) }
    await registry.note(activity, lease: id, of: number)
  }

  /// The engine has died: waits until the model is loaded anew, by whoever needs it first. Throws what loading throws,
  /// `modelUnloaded` when somebody unloaded the instance, `serverBusy` when it died too often, `shuttingDown`.
  func renew() async throws(AtelierError) {
    let fresh = try await registry.lease(after: hold.withLock { $0.origin })
    let isOver = hold.withLock { hold in
      guard !hold.isReleased else { return true }
      hold = fresh.hold.withLock { fresh in
        let taken = fresh
        fresh.isReleased = true
        return taken
      }
      return false
    }
    if isOver { await fresh.release() }
  }
}
