import AtelierCore

/// Whether an answer whose engine died is worth another one.
struct Failover: Sendable {
  /// Engines started anew for one answer at most.
  static let maxRestarts = 2

  private(set) var restarts = 0

  /// Takes the decision; true counts as a restart. No, after too many of them, and when the request itself is what kills its
  /// engines: it was alone with two of them, and they died at the same place of its answer.
  mutating func permitsRestart(after deaths: [EngineDeath]) -> Bool {
    guard restarts < Self.maxRestarts, !Self.isRepeatable(deaths) else { return false }
    restarts += 1
    return true
  }

  private static func isRepeatable(_ deaths: [EngineDeath]) -> Bool {
    guard let last = deaths.last, let before = deaths.dropLast().last else { return false }
    return last.wasAlone && before.wasAlone && last.tokens == before.tokens
  }
}
