import AtelierCore

/// Bounds of one request's tool loop (native.md 4.12, threat model "MCP"). Past any of them the model gets one more round,
/// without tools.
package struct ToolLoopLimits: Sendable, Hashable {
  /// Rounds with calls. The threat model's number, below the 30 and 32 that the dialects' contracts allow.
  package var rounds: Int
  /// Calls that are run; further ones of the same round are answered with a text that says so.
  package var calls = 64
  /// From the first connection on. A call that runs then is ended.
  package var total: Duration
  /// Bytes of all results together, beyond which images and other data are left out of further ones.
  package var outputBytes = 8 << 20

  package init(rounds: Int = 25, total: Duration = .seconds(600)) {
    self.rounds = rounds
    self.total = total
  }

  package init(_ settings: Settings) {
    self.init(rounds: settings.mcpMaxRounds, total: .seconds(settings.mcpRequestSeconds))
  }
}
