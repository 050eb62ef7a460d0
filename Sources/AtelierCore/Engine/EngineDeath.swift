/// How an answer met the end of its engine.
package struct EngineDeath: Sendable, Hashable {
  /// Tokens generated until then.
  package var tokens: Int
  /// No other request was with the engine.
  package var wasAlone: Bool

  package init(tokens: Int, wasAlone: Bool) {
    self.tokens = tokens
    self.wasAlone = wasAlone
  }
}
