import AtelierCore

/// On what terms an instance is loaded, and how long it stays.
struct LoadTerms: Sendable, Hashable {
  var origin: InstanceDescription.Origin
  /// Seconds of idleness; nil: stays.
  var timeToLive: Int?
  /// Never unloaded to make room.
  var isPinned = false
  /// Begins even if it does not fit the memory.
  var isForced = false
}
