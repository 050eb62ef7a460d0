import AtelierCore

/// Which instances have to go before a model is loaded. Those that a person loaded are never touched, nor are pinned ones.
enum EvictionPolicy {
  /// Before a load on demand, with "keep last only": all that were loaded on demand, of the same kind or of any (native.md
  /// 14.5). They finish what they are doing first.
  static func victims(
    of plan: LoadPlan, among instances: [RegistryState.Instance], settings: RuntimeSettings
  ) -> [UInt64] {
    guard settings.jitKeepLastOnly else { return [] }
    return instances.filter { instance in
      mayGo(instance) && (settings.jitKeepLastScope == .all || instance.plan.model.kind == plan.model.kind)
    }.map(\.number)
  }

  /// When memory is short: the idle one that was used longest ago. A busy one never goes for that.
  static func leastRecentlyUsed(among instances: [RegistryState.Instance]) -> UInt64? {
    instances.filter { mayGo($0) && $0.phase == .ready && $0.leases.isEmpty }
      .min { ($0.idleSince, $0.number) < ($1.idleSince, $1.number) }?.number
  }

  private static func mayGo(_ instance: RegistryState.Instance) -> Bool {
    instance.terms.origin == .jit && !instance.terms.isPinned
  }
}
