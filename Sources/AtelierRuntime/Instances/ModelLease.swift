import AtelierCore
import AtelierModels
import Synchronization

/// The right to use an instance: while one exists, the instance is neither evicted nor expires.
///
/// Ends by `release`; a lease that is dropped without it ends a little later.
package final class ModelLease: Sendable {
  package let engine: any InferenceEngine
  package let selection: InstanceSelection
  package let model: ModelDescription
  let defaults: ModelDefaults
  let number: UInt64
  let id: UInt64
  private let registry: ModelRegistry
  private let released = Mutex(false)

  init(
    id: UInt64, instance: RegistryState.Instance, engine: any InferenceEngine, registry: ModelRegistry
  ) {
    self.id = id
    self.engine = engine
    self.registry = registry
    number = instance.number
    selection = instance.plan.selection(instanceID: instance.id)
    model = instance.plan.model
    defaults = instance.plan.defaults
  }

  deinit {
    guard !released.withLock({ $0 }) else { return }
    Task { [registry, number, id] in await registry.release(lease: id, of: number) }
  }

  package func release() async {
    let first = released.withLock { released in
      defer { released = true }
      return !released
    }
    if first { await registry.release(lease: id, of: number) }
  }

  /// Shown in the list of instances.
  func note(_ activity: RegistryState.Activity) async { await registry.note(activity, lease: id, of: number) }
}
