package enum RunnerError: Error, Sendable, Hashable {
  /// The rows do not fit; nothing was changed.
  case outOfCells
  /// The engine refused or failed; the message is for the log.
  case failed(String)
  case invalidGrammar(String)
}
