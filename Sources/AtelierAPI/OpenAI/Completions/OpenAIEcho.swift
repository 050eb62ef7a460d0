import AtelierCore

/// A prompt that is shown before its continuation (`echo`).
package enum OpenAIEcho: Sendable, Hashable {
  case text(String)
  /// Its text is told with the probabilities of its tokens.
  case tokens

  /// nil: not told yet.
  func text(_ scores: PromptScores?) -> String? {
    switch self {
    case .text(let text): text
    case .tokens: scores.map { String(decoding: $0.bytes, as: UTF8.self) }
    }
  }
}
