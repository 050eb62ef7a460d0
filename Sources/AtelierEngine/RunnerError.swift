package enum RunnerError: Error, Sendable, Hashable {
  /// The rows do not fit; nothing was changed.
  case outOfCells
  /// The engine refused or failed; the message is for the log.
  case failed(String)
  case invalidGrammar(String)

  /// For the log.
  package var message: String {
    switch self {
    case .outOfCells: "the rows do not fit the model's memory"
    case .failed(let message), .invalidGrammar(let message): message
    }
  }
}
