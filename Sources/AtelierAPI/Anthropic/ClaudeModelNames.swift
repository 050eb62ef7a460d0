/// Claude Code asks for its background work (titles, summaries) under `claude-*` names, whatever model its user chose.
/// Refusing these fails each of those calls, and loading another model for them would push out the main one
/// (anthropic.md 9.3).
package enum ClaudeModelNames {
  package static func contains(_ model: String) -> Bool { model.lowercased().hasPrefix("claude-") }

  /// The model to answer with when `model` names none that exists: that of the last request that was answered, else the
  /// only language model that is loaded; nil when it stays unknown.
  package static func substitute(for model: String, lastAnswered: String?, loaded: [String]) -> String? {
    guard contains(model) else { return nil }
    return lastAnswered ?? (loaded.count == 1 ? loaded[0] : nil)
  }
}
