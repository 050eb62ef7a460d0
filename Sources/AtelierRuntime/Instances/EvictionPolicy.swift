import AtelierCore

/// Which instances have to go before a model is loaded just in time (native.md 14.5): with "keep last only", all those
/// that were themselves loaded just in time, of the same kind or of any. Manual ones are never touched.
enum EvictionPolicy {
  static func victims(
    of plan: LoadPlan, among instances: [RegistryState.Instance], settings: RuntimeSettings
  ) -> [UInt64] {
    guard settings.jitKeepLastOnly else { return [] }
    return instances.filter { instance in
      instance.origin == .jit
        && (settings.jitKeepLastScope == .all || instance.plan.model.kind == plan.model.kind)
    }.map(\.number)
  }
}
